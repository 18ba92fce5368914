"""What keeps people from using a page who see, hear or move otherwise, as axe finds it."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_GRAVE = ("serious", "critical")


def find_barriers(page: Page) -> list[str]:
    """What is serious about the page, a line each: in light colours all of it, in dark ones the contrast."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")  # a colour that is on its way has no contrast yet
    found = [f"light: {each}" for each in _run(page, {})]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return found + [f"dark: {each}" for each in _run(page, {"runOnly": ["color-contrast"]})]


def _run(page: Page, options: dict[str, Any]) -> list[str]:
    answer = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in answer["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
    ]
