"""Every page on a phone and in the dark."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.addresses import addresses
from tests.web.pages.test_datasets import report_on
from tests.web.population import Population
from tests.web.scenes import make_dataset
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [390, 768])
def test_no_page_scrolls_sideways(page: Page, population: Population, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    too_wide = []
    for address in addresses(population):
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(address)
    assert too_wide == []


def test_the_report_of_a_dataset_does_not_scroll_sideways(page: Page, population: Population) -> None:
    root = make_dataset(population.root / "long")
    with open_session(population.settings) as session:
        datasets.register(session, "long", survey(root))
    with (root / "train.txt").open("a") as split:
        split.write("frankfurt_000000_000294_leftImg8bit_" * 3)
    job_id = population.submit("check", dataset="long")
    report_on(population, job_id, "long")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/datasets/long")
    expect(page.get_by_text("2 problems", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_buttons_can_be_hit_by_a_thumb(page: Page, population: Population) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/jobs/{population.running}")
    for name in ("Cancel", "Clone"):
        box = page.get_by_text(name, exact=True).bounding_box()
        assert box is not None
        assert box["height"] >= 32


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system(browser: Browser, server: str, scheme: str) -> None:
    context = browser.new_context(base_url=server, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto("/jobs")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(", "))
    assert (brightness > 384) == (scheme == "light")
    context.close()


def test_the_keyboard_reaches_the_content_first(page: Page) -> None:
    page.goto("/jobs")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_visible()
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


def test_a_failed_job_says_why_at_first_sight(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.failed}")
    expect(page.get_by_role("alert")).to_contain_text("masks/3.png: holds class 7; DATASET.N_CLASSES is 3.")
    expect(page.get_by_role("alert")).to_be_in_viewport()
