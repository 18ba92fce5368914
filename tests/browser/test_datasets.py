"""Datasets in a real browser: browsed, and uploaded."""

import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.deeplab.datasets.importing import exports
from tests.web.population import Population
from worker.jobs import uploads
from worker.jobs.results.record import item_key


def test_an_image_is_reached_from_the_page_of_its_dataset(page: Page, population: Population) -> None:
    page.goto("/datasets")
    page.get_by_role("link", name="shapes", exact=True).click()
    page.get_by_role("link", name="All of train").click()
    page.get_by_role("link", name="1", exact=True).click()
    page.wait_for_url(f"**/datasets/shapes/splits/train/{item_key('1')}*")
    expect(page.get_by_role("button", name="Ground truth").first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/{item_key('2')}*")
    page.keyboard.press("Escape")
    page.wait_for_url("**/datasets/shapes/splits/train*")


def test_an_archive_is_uploaded_once_though_its_name_is_refused(
    page: Page, population: Population, tmp_path: Path, complaints: list[str]
) -> None:
    archive = shutil.make_archive(str(tmp_path / "cars"), "zip", exports.masks(tmp_path / "export"))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "PUT" else None)
    page.goto("/datasets")
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Choose an archive, files or a folder.")).to_be_visible()
    page.get_by_label("Archive or files").set_input_files(archive)
    page.get_by_label("Name").fill("shapes")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("There is already a dataset named 'shapes'.")).to_be_visible()
    complaints.clear()  # the browser says that the API answered 422
    page.get_by_label("Name").fill("cars")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/jobs/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("of cars")
    assert sent == ["PUT"]
    source = page.get_by_text("upload:").first.inner_text().split("upload:")[1][:32]
    assert uploads.find(population.settings, source).read_bytes() == Path(archive).read_bytes()
