"""A real browser on a real server; no page may complain in its console or ask another host for anything."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.chromium import FLAGS, find_chromium, find_missing, sentence
from tests.web.conftest import populated
from tests.web.films import Films, segment_films
from tests.web.population import Population
from tests.web.viewed import Viewed, make_viewed
from web import create_app

WAIT = 30_000  # milliseconds for anything that a page shall come to show, on a machine that is busy with other tests


class QuietHandler(WSGIRequestHandler):
    """Tests print nothing."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Tests print nothing."""


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    with populated(tmp_path_factory.mktemp("browser")) as population:
        yield population


@pytest.fixture(scope="session")
def viewed(population: Population) -> Viewed:
    """Jobs on images that the viewer shows."""
    return make_viewed(population)


@pytest.fixture(scope="session")
def films(population: Population) -> Films:
    """A segment job of a folder of videos."""
    return segment_films(population)


@pytest.fixture(scope="session")
def server(population: Population) -> Iterator[str]:
    """Address of a running dashboard."""
    listener = make_server("127.0.0.1", 0, create_app(population.settings), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.port}"
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if missing := find_missing():
        pytest.skip(sentence(missing))
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, server: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=server, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console said; a test that provokes complaints clears it."""
    return []


@pytest.fixture
def page(context: BrowserContext, server: str, complaints: list[str]) -> Iterator[Page]:
    """A page that is watched: errors in its console and requests to other hosts fail the test."""
    page = context.new_page()
    foreign: list[str] = []

    def watch_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def watch_request(request: Request) -> None:
        if not request.url.startswith((server, "data:")):
            foreign.append(request.url)

    page.on("console", watch_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", watch_request)
    yield page
    page.close()
    assert complaints == []
    assert foreign == []
