import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.population import Population
from tests.web.scenes import make_dataset
from worker.jobs import jobs
from worker.jobs.database import open_session

pytestmark = pytest.mark.browser


def test_errors_stand_beside_the_fields_and_nothing_is_lost(page: Page, complaints: list[str]) -> None:
    page.goto("/jobs/new/train")
    page.get_by_label("Dataset").select_option("shapes")
    page.get_by_text("More options").click()
    page.get_by_label("Seed").fill("-3")
    page.get_by_label("Overrides").fill("SOLVER.LR=1e-3")
    page.get_by_role("button", name="Submit job").click()
    expect(page.get_by_role("alert")).to_contain_text("Not submitted")
    expect(page.locator("#error-config")).to_have_text("Configuration is required.")
    expect(page.locator("#error-seed")).to_contain_text("must be at least 0")
    config = page.get_by_label("Configuration required")
    assert config.get_attribute("aria-invalid") == "true"
    box, error = config.bounding_box(), page.locator("#error-config").bounding_box()
    assert box is not None
    assert error is not None
    assert 0 <= error["y"] - (box["y"] + box["height"]) < 20
    expect(page.get_by_label("Seed")).to_have_value("-3")
    expect(page.get_by_label("Overrides")).to_have_value("SOLVER.LR=1e-3")
    expect(page.get_by_label("Dataset")).to_have_value("shapes")
    complaints.clear()  # the console notes the status 422


def test_a_job_is_submitted_with_what_was_picked(page: Page, population: Population) -> None:
    page.goto("/jobs/new/segment")
    page.get_by_label("Checkpoint").select_option("2")
    page.get_by_label("Browse for: Input").click()
    picker = page.get_by_role("dialog")
    picker.get_by_role("button", name=str(population.root)).click()
    picker.get_by_role("button", name="photos").click()
    picker.get_by_role("button", name="Use this folder (5 images)").click()
    expect(picker).to_be_hidden()
    expect(page.get_by_label("Input required")).to_have_value(str(population.folder))
    page.get_by_label("Overlays").check()
    page.get_by_role("button", name="Submit job").click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    expect(page.locator(".status .state")).to_have_text("queued")
    with open_session(population.settings, reads_only=True) as session:
        job = jobs.get(session, int(page.url.rpartition("/")[2]))
    assert (job.spec["input"], job.spec["overlays"], job.spec["checkpoint"]) == (str(population.folder), True, "2")


def test_the_picker_works_by_keyboard(page: Page, population: Population) -> None:
    page.goto("/jobs/new/train")
    page.get_by_label("Browse for: Configuration").focus()
    page.keyboard.press("Enter")
    picker = page.get_by_role("dialog")
    for name in (str(population.root), "shapes", "config.yaml"):
        entry = picker.get_by_role("button", name=name, exact=True)
        expect(entry).to_be_visible()
        expect(picker.locator(".picker-path")).to_be_focused()
        entry.focus()
        page.keyboard.press("Enter")
    expect(picker).to_be_hidden()
    field = page.locator("#field-config")
    expect(field).to_have_value(str(population.dataset / "config.yaml"))
    expect(field).to_be_focused()
    page.get_by_label("Browse for: Configuration").click()
    page.keyboard.press("Escape")
    expect(picker).to_be_hidden()


def test_a_dataset_is_registered_and_used(page: Page, population: Population) -> None:
    make_dataset(population.root / "picked")
    page.goto("/datasets")
    page.get_by_label("Name").fill("picked")
    page.get_by_label("Browse for: Folder").click()
    picker = page.get_by_role("dialog")
    picker.get_by_role("button", name=str(population.root)).click()
    picker.get_by_role("button", name="picked").click()
    picker.get_by_role("button", name="Use this folder").click()
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("status").first).to_have_text("Dataset picked registered: 3 classes.")
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_label("Dataset")).to_have_value("picked")


def test_the_picker_waits_for_the_folder_that_was_opened(page: Page, population: Population) -> None:
    page.goto("/datasets")
    page.get_by_label("Browse for: Folder").click()
    picker = page.get_by_role("dialog")
    picker.get_by_role("button", name=str(population.root)).click()
    expect(picker.get_by_role("button", name="Use this folder")).to_be_visible()

    def answer_late(route: Route) -> None:
        page.wait_for_timeout(500)
        route.continue_()

    page.route(re.compile("for=folder"), answer_late)
    picker.get_by_role("button", name="shapes").click()
    picker.get_by_role("button", name="Use this folder").click()
    expect(page.get_by_role("textbox", name="Folder")).to_have_value(str(population.dataset))


def test_a_checkpoint_leads_to_a_filled_in_form(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.trained}")
    page.locator("#checkpoint-1").get_by_role("link", name="evaluate").click()
    expect(page.get_by_label("Checkpoint")).to_have_value("1")


def test_selected_evaluations_are_compared(page: Page, population: Population) -> None:
    page.goto("/evaluations")
    for job_id in (population.evaluated, population.refined):
        page.get_by_label(f"Compare job {job_id}", exact=True).check()
    page.get_by_role("button", name="Compare selected").click()
    for job_id in (population.evaluated, population.refined):
        expect(page.get_by_role("columnheader").filter(has_text=f"Job {job_id}").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Mean IoU").first.locator(".best")).to_have_count(1)


def test_a_job_that_waits_is_submitted_paused_and_resumed(
    page: Page, population: Population, complaints: list[str]
) -> None:
    page.goto("/jobs/new/evaluate")
    page.get_by_label("Checkpoint").select_option(f"job:{population.running}")
    page.get_by_text("More options").click()
    page.get_by_label("After jobs").fill(f"{population.running}, {population.queued}")
    page.get_by_label("Priority").fill("4")
    page.get_by_label("Not before").fill("2999-01-01")
    page.get_by_role("button", name="Submit job").click()
    expect(page.locator("#error-not_before")).to_contain_text("must be a time with its distance from UTC")
    expect(page.get_by_label("After jobs")).to_have_value(f"{population.running}, {population.queued}")
    complaints.clear()  # the console notes the status 422
    page.get_by_label("Not before").fill("2999-01-01T00:00Z")
    page.get_by_role("button", name="Submit job").click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    expect(page.get_by_role("status")).to_contain_text(f"It waits for jobs {population.running}, {population.queued}.")
    expect(page.locator(".status-facts")).to_contain_text("priority 4")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".status .state")).to_have_text("on hold")
    page.get_by_text("Change the priority").click()
    page.get_by_label("Priority, from -10 to 10").fill("-2")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".status-facts")).to_contain_text("priority -2")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".status .state")).to_have_text("queued")
