"""Charts that can be looked into, lists that can be acted on, and nothing that a poll takes away."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_live import assert_not_reloaded, mark, start_training
from tests.web.population import Population
from worker.jobs import alarms, leases
from worker.jobs.database import open_session
from worker.jobs.records import resources
from worker.jobs.watching.job_list import JobFilter, list_jobs

pytestmark = pytest.mark.browser

METRICS = "**/api/v1/jobs/*/metrics?name=loss*"


def test_ticked_jobs_stay_ticked_while_the_list_is_renewed_and_are_cancelled(
    page: Page, population: Population
) -> None:
    ids = [population.submit("evaluate", checkpoint="2") for _ in range(3)]
    page.goto("/jobs?state=queued")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_disabled()
    for job_id in ids[:2]:
        page.get_by_label(f"Select job {job_id}", exact=True).check()
    expect(cancel).to_be_enabled()
    mark(page)
    newest = population.submit("evaluate", checkpoint="2")
    expect(page.locator(f"#job-{newest}")).to_be_visible()  # the list was renewed
    assert_not_reloaded(page)
    for job_id, is_ticked in zip((*ids, newest), (True, True, False, False), strict=True):
        expect(page.get_by_label(f"Select job {job_id}", exact=True)).to_be_checked(checked=is_ticked)
    cancel.click()
    expect(page.get_by_role("status").filter(has_text="Cancelled 2 jobs.")).to_be_visible()
    assert "state=queued" in page.url
    with open_session(population.settings, reads_only=True) as session:
        queued = [job.id for job in list_jobs(session, JobFilter(state="queued"))]
    assert set(queued) & {*ids, newest} == {ids[2], newest}


def test_a_list_is_searched_and_sorted_without_a_button(page: Page, population: Population) -> None:
    page.goto("/jobs?kind=train")
    page.get_by_label("Order").select_option("oldest")
    expect(page.locator(".jobs tbody tr").first).to_have_attribute("id", f"job-{population.trained}")
    assert "kind=train" in page.url
    search = page.get_by_label("Search jobs")
    search.fill("holds class 7")
    search.press("Enter")
    expect(page.locator(f"#job-{population.failed}")).to_be_visible()
    expect(page.locator(".jobs tbody tr")).to_have_count(page.locator(".note-error").count())


def test_a_chart_that_is_loading_does_not_say_that_there_is_nothing(
    page: Page, population: Population, complaints: list[str]
) -> None:
    held: list[Route] = []
    page.route(METRICS, lambda route: held.append(route))
    page.goto(f"/jobs/{population.trained}")
    empty = page.locator(".chart-empty")
    expect(empty).to_have_text("Loading…")
    held.pop(0).fulfill(status=503, body="")
    expect(empty).to_have_text("The values could not be loaded. Trying again…")
    page.unroute(METRICS)
    expect(page.locator("#chart canvas")).to_be_visible()
    page.goto(f"/jobs/{population.failed}")
    expect(empty).to_have_text("No data.")
    complaints.clear()  # the console noted the failure that this test made


def test_a_part_of_the_curve_is_looked_into_and_left_again(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.validated}")
    over = page.locator("#chart .u-over")
    expect(over).to_be_visible()
    box = over.bounding_box()
    assert box is not None
    with page.expect_request(lambda request: "until=" in request.url) as asked:
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=5)
        page.mouse.up()
    assert "points=1000" in asked.value.url
    show_all = page.get_by_role("button", name="Show all")
    expect(show_all).to_be_visible()
    page.get_by_label("Log scale").check()
    page.get_by_label("Smoothing").fill("0.9")
    expect(page.locator(".u-legend")).to_contain_text("smoothed")
    expect(show_all).to_be_visible()  # drawn anew, but still of this part
    show_all.click()
    expect(show_all).to_be_hidden()


def test_the_values_of_the_chart_can_be_read_as_a_table(page: Page, population: Population) -> None:
    page.goto(f"/jobs/{population.validated}")
    expect(page.get_by_role("img", name="Loss over iterations 20 to 1")).to_be_visible()
    page.get_by_text("Values as a table").click()
    table = page.locator("#chart-values")
    expect(table.locator("tr").first).to_have_text("IterationLossLearning rateMean IoU")
    best = table.locator("tr").filter(has_text="71.6")
    expect(best).to_contain_text("1\u202f000")
    assert "71.6\u202f%" in best.inner_text()  # as the server writes it
    assert table.locator("tr").count() < 40


def test_the_use_of_the_machine_is_shown_as_it_is_measured(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("#chart canvas")).to_be_visible()
    expect(page.locator("#resources")).to_be_hidden()
    with leases.fenced(population.settings, job_id, fence) as session:
        for second in (0, 5, 10):
            resources.add(session, job_id, second, {"cpu": 1.5, "memory": 2.5e9})
    figure = page.locator("[data-resource=memory]")
    expect(figure.locator("canvas")).to_be_visible()
    expect(figure).to_contain_text("2.5 GB, at most 2.5 GB")
    with (
        page.expect_response(lambda answer: "name=resource" in answer.url and "after=10" in answer.url) as got,
        leases.fenced(population.settings, job_id, fence) as session,
    ):
        resources.add(session, job_id, 15, {"memory": 1.5e9})
    assert set(json.loads(got.value.text())["metrics"]) <= {"resource/memory"}
    expect(figure).to_contain_text("1.5 GB, at most 2.5 GB")
    expect(page.locator("[data-resource=gpu]")).to_be_hidden()


def test_what_is_typed_into_the_notes_survives_the_polls(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    page.goto(f"/jobs/{job_id}")
    page.get_by_text("Add a name, notes or an experiment").click()
    page.get_by_label("Name").fill("Night run")
    population.progress(job_id, fence, 700)
    expect(page.locator(".status-text")).to_contain_text("700 of")
    page.get_by_label("Notes").fill("two\nlines")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Night run")
    expect(page.locator(".notes-text")).to_have_text("two lines")


def test_alarms_come_and_go_with_the_polls(page: Page, population: Population) -> None:
    page.goto("/jobs")
    mark(page)
    try:
        with open_session(population.settings) as session:
            alarms.report(session, alarms.BROKER, "The broker is full.")
        expect(page.get_by_role("alert")).to_have_text("The broker is full.")
    finally:
        with open_session(population.settings) as session:
            alarms.report(session, alarms.BROKER, None)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert_not_reloaded(page)


def test_only_what_is_new_is_asked_for(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("#chart canvas")).to_be_visible()
    with page.expect_response(lambda answer: "name=loss" in answer.url and "after=" in answer.url) as got:
        population.progress(job_id, fence, 140)
    assert "after=100" in got.value.url
    assert all(iteration > 100 for iteration, _ in json.loads(got.value.text())["metrics"].get("loss", []))
