"""Pages that follow what happens, without being loaded again."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.population import Population
from worker.jobs import catalog, jobs, leases
from worker.jobs.database import open_session

pytestmark = pytest.mark.browser


OBSERVE_SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifts += entry.value;
}).observe({ type: "layout-shift" });
"""


def start_training(population: Population, done: int = 100) -> tuple[int, int]:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"), dataset="shapes")
    fence = population.claim(job_id)
    population.progress(job_id, fence, done)
    return job_id, fence


def mark(page: Page) -> None:
    """Leave something in the page that is gone when it is loaded again."""
    page.evaluate("window.isStillTheSame = true")


def assert_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.isStillTheSame") is True


def test_the_list_follows_the_jobs_and_its_filter(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    row = page.locator(f"#job-{job_id}")
    page.goto("/jobs")
    expect(row).to_be_visible()
    page.get_by_role("navigation", name="States").get_by_role("link", name="running").click()
    expect(row.locator(".state")).to_have_text("running")
    expect(page.locator(".jobs .state", has_text="succeeded")).to_have_count(0)
    mark(page)
    population.progress(job_id, fence, 600)
    expect(row).to_contain_text("600 of 1\u202f200 iterations")
    population.finish(job_id, fence, result={"checkpoint": 2, "iteration": 1200})
    expect(row).to_have_count(0)
    assert_not_reloaded(page)
    page.go_back()
    expect(row.locator(".state")).to_have_text("succeeded")


def test_a_new_job_appears_in_the_list(page: Page, population: Population) -> None:
    page.goto("/jobs?state=queued")
    mark(page)
    job_id = population.submit("evaluate", checkpoint="2")
    expect(page.locator(f"#job-{job_id}")).to_be_visible()
    assert_not_reloaded(page)


def test_a_job_page_follows_its_job_to_the_end(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    page.goto(f"/jobs/{job_id}")
    mark(page)
    expect(page.locator("#chart canvas")).to_be_visible()
    page.get_by_text("Full configuration").click()
    population.progress(job_id, fence, 900)
    expect(page.locator(".status-text")).to_contain_text("900 of 1\u202f200 iterations")
    expect(page.locator("#log")).to_contain_text("iteration   900")
    expect(page).to_have_title(f"75.0\u202f% · Job {job_id} · DeepLab")
    assert page.locator("#log").evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 5
    checkpoint = population.save_checkpoint(job_id, fence, 1200)
    population.finish(job_id, fence, result={"checkpoint": checkpoint, "iteration": 1200})
    expect(page.locator(".status .state")).to_have_text("succeeded")
    expect(page.locator(f"#checkpoint-{checkpoint}").get_by_role("link", name="segment")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert page.locator("#configuration").get_attribute("open") is not None  # a poll folds nothing
    assert page.locator("#chart canvas").count() == 1
    assert_not_reloaded(page)
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(2500)
    assert polls == []  # it is over


def test_updates_do_not_move_the_page(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("#chart canvas")).to_be_visible()
    page.evaluate(OBSERVE_SHIFTS)
    for done in (400, 800, 1180):
        population.progress(job_id, fence, done)
        expect(page.locator(".status-text")).to_contain_text(f"{done:,} of".replace(",", "\u202f"))
    assert page.evaluate("window.shifts") < 0.01


def test_a_reader_of_the_log_is_left_alone(page: Page, population: Population) -> None:
    job_id, fence = start_training(population, done=1000)
    page.goto(f"/jobs/{job_id}")
    log = page.locator("#log")
    expect(log).to_contain_text("iteration  1000")
    log.evaluate("log => log.scrollTop = 0")
    population.progress(job_id, fence, 1200)
    expect(log).to_contain_text("iteration  1200")
    assert log.evaluate("log => log.scrollTop") == 0


def test_cancel_asks_first_and_then_ends_the_job(page: Page, population: Population) -> None:
    job_id, fence = start_training(population)
    page.goto(f"/jobs/{job_id}")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Cancel").click()
    with open_session(population.settings, reads_only=True) as session:
        assert not jobs.get(session, job_id).cancel_requested
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".status .state")).to_have_text("cancelling")
    with open_session(population.settings) as session:
        leases.finish(session, job_id, fence, catalog.CANCELLED)  # as the supervisor does when the child has ended
    expect(page.locator(".status .state")).to_have_text("cancelled")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".crumbs")).to_contain_text(f"retry of job {job_id}")


def test_a_server_that_does_not_answer_is_said_so(page: Page, population: Population, complaints: list[str]) -> None:
    job_id, _ = start_training(population)
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("#offline")).to_be_hidden()

    def refuse(route: Route) -> None:
        route.fulfill(status=500, body="<main id='job'>broken</main>", content_type="text/html")

    page.route(f"**/jobs/{job_id}", refuse)
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator(".status .state")).to_have_text("running")  # what was there stays
    page.unroute(f"**/jobs/{job_id}", refuse)
    page.route(f"**/jobs/{job_id}", lambda route: route.abort())
    expect(page.locator("#offline")).to_be_visible()
    page.unroute(f"**/jobs/{job_id}")
    expect(page.locator("#offline")).to_be_hidden()
    complaints.clear()  # the console noted the failures that this test made
