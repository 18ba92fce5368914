import re
import shutil
from contextlib import ExitStack

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from deeplab.images.masks import write_mask
from deeplab.inference.output import mask_path
from deeplab.scores.image_scores import Certainty
from tests.web.population import Population
from tests.web.scenes import draw_mask, paint
from web.access import turns
from worker.jobs import leases, storage
from worker.jobs.results.record import ImageResult

pytestmark = pytest.mark.browser

N_MANY = 30  # images: more than a page has
SHAPES = """(all) => all.map((each) => [...each.querySelectorAll("img")].map((image) =>
  [image.naturalWidth / image.naturalHeight, ...Object.values(image.getBoundingClientRect().toJSON())]))"""
SHOWN = """() => { const all = [...document.querySelectorAll(".layers img")];
  return all.length === 10 && all.every((each) => each.complete && each.naturalWidth > 0); }"""
OPACITIES = "masks => masks.map(mask => Number(getComputedStyle(mask).opacity))"


@pytest.fixture(scope="module")
def many(population: Population) -> int:
    """A segment job of more images than a page has, in two folders, with a confidence from 50 to 79 %."""
    folder = population.root / "many"
    masks = {f"{'day' if n < 20 else 'night'}/{n:03d}.png": draw_mask(n) for n in range(N_MANY)}
    for number, (path, mask) in enumerate(masks.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(paint(mask, number)).save(folder / path)
    job_id = population.submit("segment", checkpoint="2", input=str(folder))
    images = []
    for number, (path, mask) in enumerate(masks.items()):
        write_mask(mask_path(storage.output_dir(population.settings, job_id), path), mask)
        certainty = Certainty(0.5 + number / 100, {}, None, {})
        images.append(ImageResult(path, 64, 48, "ok", "", 0.1, {0: 3000, 1: 72}, certainty=certainty))
    fence = population.claim(job_id)
    with leases.fenced(population.settings, job_id, fence) as session:
        population.record(session, job_id, images)
    population.finish(job_id, fence, result={"n_ok": N_MANY, "n_error": 0})
    return job_id


def test_pages_turn_both_ways_by_links_and_by_keys(page: Page, many: int) -> None:
    names, place = page.locator(".tile-path"), page.locator(".pages span")
    page.goto(f"/jobs/{many}/results")
    page.wait_for_load_state("networkidle")  # who turns pages faster than pictures come is told to wait
    expect(names).to_have_count(24)
    first = names.all_inner_texts()
    page.get_by_role("link", name="Next").click()
    expect(place).to_have_text("25\N{EN DASH}30 of 30")
    assert first + names.all_inner_texts() == [f"{'day' if n < 20 else 'night'}/{n:03d}.png" for n in range(N_MANY)]
    page.keyboard.press("ArrowLeft")
    expect(place).to_have_text("1\N{EN DASH}24 of 30")
    assert names.all_inner_texts() == first
    page.keyboard.press("ArrowRight")
    page.get_by_role("link", name="Previous").click()
    expect(place).to_have_text("1\N{EN DASH}24 of 30")


def test_names_folders_and_confidence_filter_together(page: Page, many: int) -> None:
    page.goto(f"/jobs/{many}/results")
    heading, names = page.get_by_role("heading", level=1), page.locator(".tile-path")

    def choose(label: str, value: str) -> None:
        page.get_by_label(label).fill(value)
        page.keyboard.press("Enter")

    choose("Name has", "02")
    expect(heading).to_have_text("Results 11 of 30 images")  # 002, 020 to 029
    choose("Folder", "night")
    expect(heading).to_have_text("Results 10 of 30 images")
    choose("Confidence from, percent", "75")
    expect(names).to_have_text([f"night/{number:03d}.png" for number in range(25, 30)])
    choose("Confidence to, percent", "76.5")
    expect(names).to_have_text(["night/025.png", "night/026.png"])
    assert "name=02&folder=night" in page.url
    names.first.click()  # the viewer turns among what was asked for
    expect(heading).to_have_text("night/025.png")
    page.keyboard.press("ArrowRight")
    expect(heading).to_have_text("night/026.png")
    page.get_by_role("link", name="Results").click()
    expect(heading).to_have_text("Results 2 of 30 images")
    page.get_by_role("link", name="Clear").click()
    expect(heading).to_have_text("Results 30 images")


def test_masks_lie_exactly_over_their_images(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    expect(page.locator(".tile")).to_have_count(6)
    page.wait_for_load_state("networkidle")
    sizes = page.locator(".layers").evaluate_all(SHAPES)
    assert len(sizes) == 5
    assert all(image == mask and image[0] > 1 for image, mask in sizes)


def test_one_slider_sets_the_opacity_of_all_masks_and_is_remembered(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    masks = page.locator(".mask")
    assert set(masks.evaluate_all(OPACITIES)) == {0.6}
    slider = page.get_by_label("Mask opacity")
    slider.focus()
    page.keyboard.press("Home")
    assert set(masks.evaluate_all(OPACITIES)) == {0}
    slider.fill("85")
    assert set(masks.evaluate_all(OPACITIES)) == {0.85}
    expect(page.locator("output[for=opacity]")).to_have_text("85 %")
    page.locator(".tile").first.click()
    expect(page.get_by_label("Mask opacity")).to_have_value("85")


def test_arrow_keys_turn_the_large_view(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    names = page.locator(".tile-name").all_inner_texts()
    heading = page.get_by_role("heading", level=1)

    def shows(name: str) -> None:
        expect(heading).to_have_text(name)
        page.wait_for_load_state("domcontentloaded")  # its script listens to keys from then on

    page.locator(".tile").first.click()
    for key, name in (("", names[0]), ("ArrowRight", names[1]), ("ArrowRight", names[2]), ("ArrowLeft", names[1])):
        if key:
            page.keyboard.press(key)
        shows(name)
    page.get_by_label("Mask opacity").focus()
    page.keyboard.press("ArrowRight")  # moves the slider, not the page
    expect(page.get_by_label("Mask opacity")).to_have_value("61")
    expect(heading).to_have_text(names[1])
    page.get_by_role("heading", level=1).click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(6)


def test_errors_and_classes_filter(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    page.get_by_role("link", name="Errors").click()
    expect(page.get_by_role("cell", name="is not an image")).to_be_visible()
    page.get_by_role("link", name="All 6").click()
    page.locator(".histogram").get_by_role("link", name="disc").click()
    expect(page.locator(".tile")).to_have_count(5)
    expect(page.get_by_role("heading", name="Results 5 of 6 images")).to_be_visible()
    page.locator(".histogram").get_by_role("link", name="disc").click()
    expect(page.locator(".tile")).to_have_count(6)


def test_choices_take_effect_at_once(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    page.get_by_label("Class", exact=True).select_option("bar")
    expect(page.locator(".tile")).to_have_count(5)
    page.get_by_label("Order", exact=True).select_option("Largest share of bar first")
    expect(page).to_have_url(re.compile("class=2.*sort=-share"))
    expect(page.locator(".tile .count").first).to_contain_text("%")
    page.get_by_label("Its share from, percent").fill("99")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    page.get_by_label("Its share from, percent").fill("")
    page.get_by_label("Class", exact=True).select_option("All")  # an order of a class goes with it
    expect(page.locator(".tile")).to_have_count(6)
    expect(page.get_by_label("Order", exact=True)).to_have_value("name")


def test_an_image_that_is_gone_is_said(page: Page, population: Population, complaints: list[str]) -> None:
    image = population.folder / "001.jpg"
    content = image.read_bytes()
    image.unlink()
    try:
        page.goto(f"/jobs/{population.segmented}/results")
        expect(page.locator(".layers.gone")).to_have_count(1)
    finally:
        image.write_bytes(content)
    complaints.clear()  # the browser's own about the missing file


def test_what_failed_is_tried_again(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    page.get_by_role("button", name="Retry 1 failed").click()
    expect(page.locator(".crumbs")).to_contain_text(f"what failed in job {population.segmented}")


def test_downloads(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.segmented}/results")
    with page.expect_download() as manifest:
        page.get_by_role("link", name="manifest.csv").click()
    assert manifest.value.suggested_filename == f"job-{population.segmented}-manifest.csv"
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as masks:
        page.get_by_role("row", name="COCO JSON with polygons").get_by_role("link").click()
    assert masks.value.suggested_filename == f"job-{population.segmented}-coco.zip"
    page.keyboard.press("Escape")
    page.locator(".tile").first.click()
    with page.expect_download() as mask:
        page.get_by_role("link", name="Download mask").click()
    assert mask.value.suggested_filename == "000.jpg.png"


def test_a_picture_that_was_refused_is_asked_for_again(
    page: Page, population: Population, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others take all places to wait for a turn to decode, until one picture of the page was refused."""
    monkeypatch.setattr("web.errors._RETRY_SECONDS", 1)
    shutil.rmtree(storage.thumbnails_dir(population.settings), ignore_errors=True)
    with ExitStack() as places:
        for _ in range(turns.WAITING):
            assert turns._places.acquire(timeout=30)
            places.callback(turns._places.release)
        with page.expect_response(lambda response: response.status == 503) as refused:
            page.goto(f"/jobs/{population.segmented}/results", wait_until="commit")
        assert refused.value.headers["retry-after"] == "1"
    page.wait_for_function(SHOWN)
    expect(page.locator(".layers.gone")).to_have_count(0)
    complaints.clear()
