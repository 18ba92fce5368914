import re

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import SubmitForm
from tests.web.population import Population
from worker.jobs import catalog, jobs
from worker.jobs.database import open_session
from worker.jobs.requests.label import Label
from worker.jobs.watching.job_list import JobFilter, count_by_state, list_jobs


def rows_of(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="job-(\d+)"', page)]


def test_the_start_page_is_the_list_of_jobs(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/jobs"


def test_rows_say_what_when_and_how_far(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs?before={population.validated + 1}").text  # other tests may have added newer ones
    assert f"{population.running} · train" in page
    assert "480 of 1\u202f200 iterations · 2 min 31 s left" in page
    assert 'value="0.4000"' in page
    assert "on shapes" in page
    assert "DeepLabV2_ResNet50_MSC" in page
    assert "mean IoU 68.0\u202f%" in page
    assert "masks/3.png: holds class 7" in page
    assert re.search(r'<time datetime="[^"]+" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC">', page)


@pytest.mark.parametrize("state", catalog.STATES)
@pytest.mark.parametrize("kind", ["train", "segment", None])
def test_filters_by_kind_and_state(client: FlaskClient, population: Population, state: str, kind: str | None) -> None:
    page = client.get("/jobs", query_string={"state": state, "kind": kind or ""}).text
    with open_session(population.settings, reads_only=True) as session:
        expected = list_jobs(session, JobFilter(kind, state), limit=25)
    assert rows_of(page) == [job.id for job in expected]
    assert f'<span class="state state-{state}">' in page or not expected


def test_counts_by_state_follow_the_kind(client: FlaskClient, population: Population) -> None:
    with open_session(population.settings, reads_only=True) as session:
        counts = count_by_state(session, JobFilter("train"))
    page = client.get("/jobs?kind=train").text
    for state, count in counts.items():
        assert re.search(rf">{state} <span class=\"count\">{count}</span>", page)


def test_unknown_filters_are_404(client: FlaskClient) -> None:
    response = client.get("/jobs?state=sleeping")
    assert response.status_code == 404
    assert "Unknown state &#39;sleeping&#39;" in response.text


def test_pages_through_all_jobs_once(client: FlaskClient, population: Population) -> None:
    client.application.config["JOBS_PER_PAGE"] = 3
    seen: list[int] = []
    address = "/jobs?kind=train"
    while True:
        page = client.get(address).text
        seen += rows_of(page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        if older is None:
            break
        address = older[1].replace("&amp;", "&")
    with open_session(population.settings, reads_only=True) as session:
        assert seen == [job.id for job in list_jobs(session, JobFilter("train"), limit=1000)]


@pytest.mark.parametrize("before", ["0", "-5", "99999999999999999999"])
def test_any_number_can_be_paged_from(client: FlaskClient, before: str) -> None:
    assert client.get("/jobs", query_string={"before": before}).status_code == 200


def test_the_list_asks_for_itself_again(client: FlaskClient) -> None:
    page = client.get("/jobs?state=running&kind=train").text
    assert 'hx-get="/jobs?kind=train&amp;state=running" hx-trigger="every 2s"' in page


def test_search_order_and_dataset_narrow_the_list(client: FlaskClient, population: Population) -> None:
    with open_session(population.settings) as session:
        jobs.relabel(session, population.trained, Label(name="Baseline <1>", notes=""))
    page = client.get("/jobs?search=baseline").text
    assert rows_of(page) == [population.trained]
    assert f"{population.trained} · Baseline &lt;1&gt;" in page
    assert 'value="baseline"' in page
    oldest = client.get("/jobs?dataset=shapes&order=oldest&kind=train").text
    assert rows_of(oldest)[0] == population.trained
    assert '<option value="shapes" selected>' in oldest
    assert "dataset=shapes&amp;order=oldest" in oldest  # links of the filters keep the rest
    assert client.get("/jobs?order=random").status_code == 404


def test_pages_lead_back_and_say_where_they_are(client: FlaskClient) -> None:
    client.application.config["JOBS_PER_PAGE"] = 2
    first = client.get("/jobs?kind=train").text
    assert "1\u20132 of " in first
    onward = re.search(r'href="([^"]+)" rel="next"', first)
    assert onward is not None
    second = client.get(onward[1].replace("&amp;", "&")).text
    assert "3\u20134 of " in second
    back = re.search(r'href="([^"]+)" rel="prev"', second)
    assert back is not None
    assert rows_of(client.get(back[1].replace("&amp;", "&")).text) == rows_of(first)


def test_ticked_jobs_are_cancelled_and_retried_together(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    first, second = (population.submit("evaluate", checkpoint="1") for _ in range(2))
    back = "/jobs?kind=evaluate&order=oldest"
    ticked = {"job": [first, second, population.trained], "back": back}
    answer = submit_form("/jobs/actions", action="cancel", **ticked)
    assert (answer.status_code, answer.headers["Location"]) == (302, back)
    page = client.get("/jobs").text
    assert "Cancelled 2 jobs." in page
    assert f"Job {population.trained} already succeeded; only queued and running jobs can be cancelled." in page
    submit_form("/jobs/actions", action="retry", job=[first, second])
    assert "Submitted 2 jobs again." in client.get("/jobs").text
    with open_session(population.settings, reads_only=True) as session:
        retries = list_jobs(session, limit=2)
    assert [(job.parent_id, job.is_retry) for job in retries] == [(second, True), (first, True)]


def test_ticked_jobs_are_compared(submit_form: SubmitForm, population: Population) -> None:
    ids = [population.evaluated, population.refined]
    answer = submit_form("/jobs/actions", action="compare", job=ids)
    assert answer.headers["Location"] == f"/jobs/compare?job={ids[0]}&job={ids[1]}"


def test_actions_need_jobs_a_known_name_and_a_way_back_of_ours(submit_form: SubmitForm, population: Population) -> None:
    nothing = submit_form("/jobs/actions", action="cancel")
    assert (nothing.status_code, "Select at least one job." in nothing.text) == (400, True)
    assert submit_form("/jobs/actions", action="paint", job=1).status_code == 400
    job_id = population.submit("evaluate", checkpoint="1")
    answer = submit_form("/jobs/actions", action="cancel", job=job_id, back="//evil.example/jobs")
    assert answer.headers["Location"] == "/jobs"


def test_an_empty_platform_says_what_to_do_next(new_client: FlaskClient) -> None:
    page = new_client.get("/jobs").text
    assert "No jobs yet" in page
    assert 'href="/datasets"' in page
    assert 'href="/jobs/new/train"' in page
    assert "Show all jobs" in new_client.get("/jobs?state=failed").text
