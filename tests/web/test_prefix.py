"""The dashboard below a path, as a proxy serves it: a real gunicorn with SCRIPT_NAME, as docs/cluster.md says."""

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from tests.processes import wait_until
from tests.web.conftest import populated
from tests.web.population import Population
from tests.web.scenes import make_dataset
from worker.platform import web_server

PREFIX = "/team/deeplab"
_ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post", "data-address", "data-metrics")
_ASKED_FOR = ("href", "src", "hx-get", "data-metrics")  # what a browser gets by itself, or when a link is followed


class _Addresses(HTMLParser):
    """Collects what a page refers to, as (attribute, address)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(name, value) for name, value in attrs if name in _ADDRESSES and value and value[0] not in "#?"}


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    """One of its own, because other tests delete masks and images of theirs."""
    with populated(tmp_path_factory.mktemp("prefix")) as population:
        yield population


@pytest.fixture(scope="module")
def browser(population: Population) -> Iterator[httpx.Client]:
    """Asks a running server, and follows no redirect by itself."""
    with web_server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        listener.set_inheritable(True)
        environment = population.settings.model_copy(update={"port": port}).environment() | {"SCRIPT_NAME": PREFIX}
        server = subprocess.Popen(web_server.command(listener), env=environment, pass_fds=[listener.fileno()])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        wait_until(lambda: web_server.answers(population.settings.model_copy(update={"port": port})), 30)
        yield client
    server.terminate()
    server.wait()


def _send(browser: httpx.Client, address: str, **fields: str) -> httpx.Response:
    """Send a form with the token of a page."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{PREFIX}/datasets").text)
    assert token is not None
    return browser.post(PREFIX + address, data={"csrf_token": token[1], **fields})


def test_every_page_and_all_that_it_refers_to_lies_below_the_prefix(browser: httpx.Client) -> None:
    """All that is reached from the first page on."""
    waiting, asked, elsewhere, broken = [f"{PREFIX}/"], set[str](), set[str](), list[str]()
    while waiting:
        address = waiting.pop()
        if address in asked:
            continue
        asked.add(address)
        answer = browser.get(address)
        if answer.is_redirect:
            found = {("href", answer.headers["Location"])}
        else:
            is_page = answer.headers["Content-Type"].startswith("text/html")
            found = _Addresses(answer.text).found if is_page else set()
        if answer.is_error:
            broken.append(f"{address}: {answer.status_code}")
        elsewhere |= {f"{address}: {each}" for _, each in found if not each.startswith(f"{PREFIX}/")}
        waiting += [each for name, each in found if name in _ASKED_FOR and each.startswith(f"{PREFIX}/")]
    assert elsewhere == set()
    assert broken == []
    expected = (
        "jobs",
        "jobs/new/crf",
        "checkpoints",
        "datasets",
        "workers",
        "static/app.js",
        "static/vendor/htmx.min.js",
    )
    assert {f"{PREFIX}/{page}" for page in expected} <= {address.partition("?")[0] for address in asked}


@pytest.mark.parametrize("page", ["jobs", "checkpoints", "datasets", "workers"])
def test_the_menu_marks_the_page(browser: httpx.Client, page: str) -> None:
    assert f'<a href="{PREFIX}/{page}" aria-current="page">' in browser.get(f"{PREFIX}/{page}").text


def test_forms_lead_back_below_the_prefix(browser: httpx.Client, population: Population) -> None:
    root = make_dataset(population.root / "below")
    registered = _send(browser, "/datasets", name="below", root=str(root))
    assert (registered.status_code, registered.headers["Location"]) == (302, f"{PREFIX}/datasets/below")
    submitted = _send(browser, "/jobs/new/segment", checkpoint="2", input=str(population.folder), batch_size="1")
    assert submitted.status_code == 302
    job = re.fullmatch(rf"{PREFIX}(/jobs/\d+)", submitted.headers["Location"])
    assert job is not None
    for action in ("cancel", "retry"):
        answer = _send(browser, f"{job[1]}/{action}")
        assert (answer.status_code, answer.headers["Location"].startswith(f"{PREFIX}/jobs/")) == (302, True)


def test_the_api_names_addresses_below_the_prefix(browser: httpx.Client, population: Population) -> None:
    request = {"kind": "segment", "checkpoint": "2", "input": str(population.folder)}
    answer = browser.post(f"{PREFIX}/api/v1/jobs", json=request)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{PREFIX}/api/v1/jobs/{answer.json()['id']}"
    missing = browser.get(f"{PREFIX}/api/v1/nothing")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)


def test_the_cookie_is_kept_from_what_else_the_host_serves(browser: httpx.Client) -> None:
    """Such as another dashboard, below another path."""
    cookie = browser.get(f"{PREFIX}/datasets").headers["Set-Cookie"]
    assert cookie.startswith("deeplab_session=")
    assert f"Path={PREFIX}" in cookie.split("; ")


def test_no_header_changes_which_address_is_asked_for(browser: httpx.Client) -> None:
    """Or a proxy that lets some addresses through would let all through, and their roles would be those of others."""
    address = f"{PREFIX}/static/api/v1/jobs"
    assert browser.get(address, headers={"SCRIPT_NAME": f"{PREFIX}/static"}).status_code == 404
    assert browser.get(address, headers={"Script-Name": f"{PREFIX}/static"}).status_code == 404
