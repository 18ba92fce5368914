"""Signing in as a person does: by keyboard, on a phone, and after the session has ended."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from tests.browser.barriers import find_barriers
from tests.browser.conftest import WAIT, QuietHandler
from tests.web.conftest import settings_in
from tests.worker.jobs.accounts.people import PASSWORD, add_person
from web import create_app
from worker.jobs.accounts import users
from worker.jobs.accounts.roles import ADMIN, OPERATOR
from worker.jobs.database import engine_for, open_session, upgrade
from worker.jobs.settings import Settings

pytestmark = pytest.mark.browser

ACCOUNTS = ("/account", "/users", "/users/otto", "/users/ada", "/users/local")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = settings_in(tmp_path_factory.mktemp("guarded")).model_copy(update={"auth": "auto"})
    upgrade(settings)
    with open_session(settings) as session:
        users.ensure_local(session)
        for role in (OPERATOR, ADMIN):
            add_person(session, role)
    yield settings
    engine_for(settings.database).dispose()


@pytest.fixture(scope="module")
def server(guarded: Settings) -> Iterator[str]:
    """Address of a dashboard that asks who is there; takes the place of the one that does not."""
    listener = make_server("127.0.0.1", 0, create_app(guarded), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.port}"
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture
def context(browser: Browser, server: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=server, viewport={"width": 390, "height": 844})
    context.set_default_timeout(WAIT)
    yield context
    context.close()


def sign_in(page: Page, name: str, address: str = "/jobs") -> None:
    """By the keyboard alone."""
    page.goto(address)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=f"Account of {name}")).to_be_visible()


def test_the_keyboard_signs_in_and_leads_to_the_page_that_was_asked_for(page: Page) -> None:
    sign_in(page, "otto", "/jobs?state=failed")
    assert page.url.endswith("/jobs?state=failed")


def test_a_wrong_password_is_read_aloud_and_the_cursor_is_where_it_belongs(page: Page, complaints: list[str]) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("otto")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Wrong name or password.")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("otto")
    complaints.clear()  # the console notes every answer of 422


def test_a_session_that_ends_elsewhere_leads_to_the_form_and_back(
    page: Page, guarded: Settings, complaints: list[str]
) -> None:
    sign_in(page, "otto", "/jobs?kind=train")
    with open_session(guarded) as session:
        users.set_disabled(session, "otto", False)
    expect(page.get_by_label("Password")).to_be_visible()  # the next poll notices
    complaints.clear()  # the console notes every answer of 401
    page.keyboard.type("otto")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Account of otto")).to_be_visible()
    assert page.url.endswith("/jobs?kind=train")


def test_a_token_is_made_shown_and_revoked(page: Page) -> None:
    sign_in(page, "otto", "/account")
    page.get_by_label("New token for").fill("nightly")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator(".secret")).to_contain_text("dlp_")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke nightly").click()
    expect(page.get_by_text("Token revoked.")).to_be_visible()
    expect(page.get_by_text("No tokens yet.")).to_be_visible()


def test_signing_out_ends_it(page: Page) -> None:
    sign_in(page, "ada", "/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto("/jobs")
    expect(page.get_by_label("Password")).to_be_visible()


def test_no_page_of_accounts_has_a_serious_barrier(page: Page) -> None:
    page.goto("/login")
    found = {"/login": find_barriers(page)}
    sign_in(page, "ada")
    for address in ACCOUNTS:
        page.goto(address)
        found[address] = find_barriers(page)
    assert {address: barriers for address, barriers in found.items() if barriers} == {}


@pytest.mark.parametrize("width", [390, 768])
def test_no_page_of_accounts_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto("/login")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    sign_in(page, "ada")
    for address in ACCOUNTS:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width, address
