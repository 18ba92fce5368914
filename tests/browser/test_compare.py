"""Comparisons, confusion matrices and curves in a browser."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.web.evaluated import images, record_evaluation
from tests.web.population import Population
from tests.web.viewed import IDS, Viewed

pytestmark = pytest.mark.browser

COLOURED = """(canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let coloured = 0;
  for (let i = 0; i < pixels.length; i += 4) if (Math.abs(pixels[i] - pixels[i + 2]) > 60) coloured += 1;
  return coloured;
}"""


@dataclass(frozen=True)
class Evaluated:
    """Numbers of jobs."""

    base: int
    better: int


@pytest.fixture(scope="module")
def jobs(population: Population) -> Evaluated:
    return Evaluated(record_evaluation(population, images(20, 70)), record_evaluation(population, images(20, 80)))


def test_intervals_come_after_the_page_and_stay_while_classes_are_searched(page: Page, jobs: Evaluated) -> None:
    page.goto(f"/evaluations/compare?job={jobs.base}&job={jobs.better}")
    row = page.get_by_role("row", name="disc")
    expect(row.locator(".gain-5 small")).to_have_text(re.compile(r"\[\+\d+\.\d, \+\d+\.\d\]"))
    expect(page.get_by_role("row", name="bar")).to_contain_text("within noise")
    page.get_by_label("Search classes").fill("dis")
    expect(page.get_by_role("row", name="bar")).to_have_count(0)
    expect(row.locator(".gain-5 small")).to_be_visible()
    page.get_by_role("link", name="Difference").click()
    expect(page.get_by_role("columnheader", name="Difference")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_label("Search classes")).to_have_value("dis")


def test_selected_evaluations_are_compared_and_downloaded(page: Page, population: Population) -> None:
    page.goto(f"/evaluations/compare?job={population.evaluated}&job={population.refined}")
    expect(page.get_by_text("has no intervals")).to_be_visible()
    with page.expect_download() as table:
        page.get_by_role("link", name="Download CSV").click()
    assert table.value.suggested_filename == "comparison.csv"


def test_images_in_which_one_beats_the_other_open_with_both(page: Page, viewed: Viewed) -> None:
    a, b = viewed.evaluated, viewed.refined
    page.goto(f"/evaluations/compare?job={a}&job={b}")
    page.get_by_role("link", name="images that differ").click()
    differences, points = page.locator(".pair .change"), re.compile(r"[+\N{MINUS SIGN}][\d.]+")
    expect(differences).to_have_count(len(IDS))
    expect(page.get_by_text(f"job {b} is better in {len(IDS)} images")).to_be_visible()
    gains = differences.all_inner_texts()
    page.wait_for_load_state("networkidle")  # who turns pages faster than pictures come is told to wait
    page.get_by_role("link", name=f"Job {a} beats job {b}").click()
    expect(differences).to_have_text(gains[::-1])
    page.wait_for_load_state("networkidle")
    assert all(points.fullmatch(text) for text in gains)
    page.get_by_label("IoU of").select_option("disc")
    expect(page.get_by_text("By the IoU of disc")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name=f"0 of job {b}", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("0")
    expect(page.get_by_label("Compare with")).to_have_value(str(a))


def test_a_matrix_is_drawn_and_read_out_by_keys(page: Page, jobs: Evaluated) -> None:
    page.goto(f"/evaluations/{jobs.base}/confusion")
    canvas = page.locator(".matrix-canvas")
    expect(page.locator("#matrix-classes option")).to_have_count(3)
    assert canvas.evaluate(COLOURED) > 1000
    view = page.get_by_role("application", name="Confusion matrix of 3 classes")
    readout = page.locator(".matrix-readout")
    view.press("ArrowRight")
    expect(readout).to_have_text("ground recognized: 72.0\u202f% of all ground, 1\u202f440 pixels")
    view.press("ArrowRight")
    expect(readout).to_have_text("ground taken for disc: 28.0\u202f% of all ground, 560 pixels")
    page.get_by_label("Find").fill("bar")
    expect(readout).to_have_text("bar recognized: 100.0\u202f% of all bar, 1\u202f000 pixels")
    page.get_by_label("Order").select_option("most confused first")
    page.get_by_label("Find").fill("disc")
    view.press("ArrowLeft")
    expect(readout).to_contain_text("disc taken for ground")
    page.route("**/results?*", lambda route: route.fulfill(body="the gallery", content_type="text/html"))
    view.press("Enter")
    page.wait_for_url(f"**/jobs/{jobs.base}/results?true=1&predicted=0&sort=-pixels")


def test_a_matrix_zooms_and_its_names_stand_still(page: Page, population: Population) -> None:
    names = [f"class {index}" for index in range(120)]
    diagonal = {"a": [(index, index, 10) for index in range(120)]}
    page.goto(f"/evaluations/{record_evaluation(population, diagonal, names)}/confusion")
    expect(page.locator("#matrix-classes option")).to_have_count(120)
    page.get_by_label("Size of a cell").fill("30")
    view, canvas = page.locator(".matrix-view"), page.locator(".matrix-canvas")
    assert view.evaluate("(view) => view.scrollWidth") > 120 * 30
    page.get_by_label("Find").fill("class 119")
    expect(page.locator(".matrix-readout")).to_contain_text("class 119 recognized")
    assert view.evaluate("(view) => view.scrollLeft") > 2000
    box, edge = canvas.bounding_box(), view.bounding_box()
    assert box is not None
    assert edge is not None
    assert (box["x"], box["y"]) == (edge["x"], edge["y"])


def test_curves_are_drawn_zoomed_and_a_table(page: Page, population: Population) -> None:
    page.goto(f"/jobs/compare?job={population.trained}&job={population.validated}")
    loss = page.locator("[data-curve=loss] .u-over")
    expect(loss).to_be_visible()
    expect(page.locator("[data-curve=mean_iou] .u-over")).to_be_visible()
    page.get_by_text("The same as a table").click()
    table = page.locator("[data-values]")
    expect(table.get_by_role("columnheader")).to_have_text(
        [
            "Iteration",
            f"Job {population.trained}, loss",
            f"Job {population.trained}, mean IoU",
            f"Job {population.validated}, loss",
            f"Job {population.validated}, mean IoU",
        ]
    )
    last = table.get_by_role("row").last
    expect(last.get_by_role("rowheader")).to_have_text("1\u202f200")
    expect(last.get_by_role("cell")).to_have_text(["0.3603", "\u2013", "0.3603", "69.8 %"])
    loss.scroll_into_view_if_needed()
    box = loss.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Whole training")).to_be_visible()
    expect(last.get_by_role("rowheader")).to_have_text(re.compile("^(59|60)[0-9]$"))
    page.get_by_role("button", name="Whole training").click()
    expect(last.get_by_role("rowheader")).to_have_text("1\u202f200")


def test_curves_that_could_not_be_loaded_are_asked_for_again(
    page: Page, population: Population, complaints: list[str]
) -> None:
    page.clock.install()
    page.route("**/api/v1/jobs/*/metrics?*", lambda route: route.fulfill(status=503, body=""))
    page.goto(f"/jobs/compare?job={population.trained}&job={population.validated}")
    chart = page.locator("[data-curve=loss]")
    expect(chart).to_have_text("The values could not be loaded. Trying again…")
    page.unroute("**/api/v1/jobs/*/metrics?*")
    page.clock.fast_forward(10_000)
    expect(chart.locator("canvas")).to_be_visible()
    complaints.clear()  # the console noted the failures that this test made


def test_the_axes_of_a_heat_map_are_chosen(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.searched}")
    expect(page.locator("table.heat thead th").first).to_have_text("BI_XY_STD \\ BI_W")
    page.get_by_label("Columns").select_option("BI_XY_STD")
    expect(page.locator("table.heat thead th").first).to_have_text("BI_W \\ BI_XY_STD")
    assert page.url.endswith(f"/jobs/{population.searched}")
