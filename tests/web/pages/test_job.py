import re
import shutil

from flask.testing import FlaskClient

from deeplab.files import write_text
from tests.web.conftest import SubmitForm
from tests.web.evaluated import record_evaluation
from tests.web.population import OWNER, Population
from tests.worker.store import submit
from worker.jobs import alarms, catalog, jobs, leases, storage
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints
from worker.jobs.watching.job_list import list_jobs

POLLING = 'hx-trigger="every 2s"'


def state_of(population: Population, job_id: int) -> jobs.Job:
    with open_session(population.settings, reads_only=True) as session:
        return jobs.get(session, job_id)


def test_a_running_job_is_live(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.running}").text
    assert POLLING in page
    assert "480 of 1\u202f200 iterations · 2 min 31 s left" in page
    assert f"attempt 1 on {OWNER}" in page
    assert "iteration   480  loss" in page  # the log
    assert f'data-metrics="/api/v1/jobs/{population.running}/metrics"' in page
    assert f"claimed by {OWNER}" in page
    assert ">Cancel</button>" in page
    assert ">Retry</button>" not in page
    assert "<title>40.0\u202f% · Job" in page


def test_a_finished_job_is_not_asked_for_again(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.trained}").text
    assert POLLING not in page
    assert "checkpoint 2 after 1\u202f200 iterations" in page
    assert ">Cancel</button>" not in page


def test_a_train_job_offers_its_checkpoints(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.trained}").text
    for checkpoint in (1, 2):
        assert f'href="/jobs/new/evaluate?checkpoint={checkpoint}"' in page
        assert f'href="/jobs/new/segment?checkpoint={checkpoint}"' in page
    assert "70.9\u202f%" in page  # the best mean IoU of checkpoint 2


def test_the_best_checkpoint_of_a_training_is_marked(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.validated}").text
    row = re.search(r'<tr id="checkpoint-3">.*?</tr>', page, re.DOTALL)
    assert row is not None
    assert ">best</span>" in row[0]
    assert "71.6\u202f%" in row[0]
    assert page.count(">best</span>") == 1
    assert "best mean IoU 71.6\u202f% with checkpoint 3; last checkpoint 4 after 1\u202f200 iterations" in page
    assert "data-evaluations" in page
    assert "data-evaluations" not in client.get(f"/jobs/{population.trained}").text


def test_the_best_checkpoint_may_be_another_job_s(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"), resume=4)
    fence = population.claim(job_id)
    with leases.fenced(population.settings, job_id, fence) as session:
        checkpoints.inherit_best(session, job_id, checkpoints.get(session, 4))
    page = client.get(f"/jobs/{job_id}").text
    assert "Best so far: checkpoint 3, from the training that this job continues." in page
    population.finish(job_id, fence, catalog.CANCELLED)


def test_a_failed_job_shows_its_sentence_first(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.failed}").text
    alert = page.index("masks/3.png: holds class 7; DATASET.N_CLASSES is 3.")
    assert page.index('role="alert"') < alert < page.index("<h2>Log</h2>")
    assert ">Retry</button>" in page


def test_parameters_and_configuration_are_shown(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.trained}").text
    assert re.search(r"<dt>Seed</dt>\s*<dd>7</dd>", page)
    assert "N_CLASSES: 3" in page
    assert "ITER_MAX: 1200" in page


def test_a_job_for_more_gpus_than_any_worker_has_says_so(client: FlaskClient, population: Population) -> None:
    config = str(population.dataset / "config.yaml")
    with open_session(population.settings) as session:  # a worker that had as many may have gone since
        overrides = "SOLVER.BATCH_SIZE.TRAIN=4"
        job_id = submit(session, population.settings, config=config, gpus=4, overrides=overrides).id
    page = client.get(f"/jobs/{job_id}").text
    assert "It asks for 4 GPUs; no live worker has as many (at most 1)." in page
    assert "waiting for 4 GPUs" in page
    assert re.search(r"<dt>GPUs</dt>\s*<dd>4</dd>", page)
    with open_session(population.settings) as session:
        jobs.cancel(session, job_id)


def test_markup_in_parameters_stays_text(client: FlaskClient, population: Population) -> None:
    folder = population.root / "a<b>_c&d"
    shutil.copytree(population.dataset / "images", folder)
    page = client.get(f"/jobs/{population.submit('segment', checkpoint='2', input=str(folder))}").text
    assert "/<wbr>a&lt;b&gt;_<wbr>c&amp;d</dd>" in page


def test_an_evaluation_shows_scores_classes_and_confusion(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.evaluated}").text
    assert "shapes, val, 101 images" in page
    for text in ("85.3\u202f%", "65.2\u202f%", "ground", "disc", "bar", "Confusion matrix"):
        assert text in page
    assert "Most often confused" in page
    assert "bar as disc (30.0\u202f%)" in page


def test_many_classes_are_sorted_and_searched_elsewhere(client: FlaskClient, population: Population) -> None:
    names = [f"class {index}" for index in range(30)]
    job_id = record_evaluation(population, {"a": [(index, index, 10) for index in range(30)]}, names)
    link = f"/evaluations/compare?job={job_id}"
    assert f'30 classes: <a href="{link}">sort and search them</a>' in client.get(f"/jobs/{job_id}").text
    assert "sort and search them" not in client.get(f"/jobs/{population.evaluated}").text
    found = client.get(f"{link}&search=class+2&sort=-name").text
    assert found.index("class 29</th>") < found.index("class 2</th>")


def test_a_crf_job_is_compared_with_what_it_set_out_from(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.refined}").text
    assert f'href="/jobs/{population.evaluated}"' in page
    assert '<small class="better">+4.3</small>' in page  # pixel accuracy: 1345 instead of 1280 of 1500 pixels
    assert page.count("bar-mark") == 3


def test_a_segment_job_leads_to_its_results(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}").text
    assert f'href="/jobs/{population.segmented}/results"' in page
    assert f'href="/jobs/{population.segmented}/results?only=errors"' in page


def test_a_job_that_nobody_serves_says_so(client: FlaskClient, population: Population) -> None:
    waiting = population.submit("crf", evaluate_job=population.evaluated)
    assert "deeplab worker start --queue cpu" in client.get(f"/jobs/{waiting}").text
    assert "deeplab worker start" not in client.get(f"/jobs/{population.queued}").text


def test_markup_in_a_log_stays_text(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"))
    path = storage.log_path(population.settings, job_id, population.claim(job_id))
    write_text(path, "<script>alert(1)</script> \x1b[31m\n")
    page = client.get(f"/jobs/{job_id}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    whole = client.get(f"/jobs/{job_id}/log.txt")
    assert whole.mimetype == "text/plain"
    assert whole.text.startswith("<script>")


def test_cancel_ends_a_queued_job(submit_form: SubmitForm, population: Population) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    response = submit_form(f"/jobs/{job_id}/cancel")
    assert (response.status_code, response.headers["Location"]) == (302, f"/jobs/{job_id}")
    assert state_of(population, job_id).state == "cancelled"
    again = submit_form(f"/jobs/{job_id}/cancel")
    assert again.status_code == 409
    assert "only queued and running jobs can be cancelled" in again.text


def test_cancel_asks_a_running_job_to_end(client: FlaskClient, submit_form: SubmitForm, population: Population) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    fence = population.claim(job_id)
    submit_form(f"/jobs/{job_id}/cancel")
    assert state_of(population, job_id).cancel_requested
    page = client.get(f"/jobs/{job_id}").text
    assert "stopping; this takes a few seconds" in page
    assert "state-cancelling" in page
    assert ">Cancel</button>" not in page
    with open_session(population.settings) as session:
        leases.finish(session, job_id, fence, catalog.CANCELLED)
    page = client.get(f"/jobs/{job_id}").text
    assert POLLING not in page
    assert ">Retry</button>" in page


def test_a_poll_leaves_the_notices_for_the_next_page(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    submit_form(f"/jobs/{job_id}/cancel")
    submit_form(f"/jobs/{job_id}/retry")
    polled = client.get(f"/jobs/{population.running}", headers={"HX-Request": "true"}).text
    assert "Submitted again as job" not in polled
    assert "Submitted again as job" in client.get(f"/jobs/{job_id}").text


def test_failed_images_are_tried_again_by_a_job_that_both_pages_name(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    button = f'action="/jobs/{population.segmented}/retry-failed"'
    assert button in client.get(f"/jobs/{population.segmented}").text
    assert button in client.get(f"/jobs/{population.segmented}/results").text
    response = submit_form(f"/jobs/{population.segmented}/retry-failed")
    again = int(response.location.rpartition("/")[2])
    page = client.get(f"/jobs/{again}").text
    assert f'what failed in <a href="/jobs/{population.segmented}">' in page
    assert f'href="/jobs/{again}"' in client.get(f"/jobs/{population.segmented}").text
    results = client.get(f"/jobs/{population.segmented}/results").text
    assert "What failed was tried again by" in results
    assert f'<a href="/jobs/{again}">' in results
    assert f'href="/jobs/{population.segmented}/results">its results' in client.get(f"/jobs/{again}/results").text
    assert "retry-failed" not in client.get(f"/jobs/{population.trained}").text


def test_retry_makes_a_new_job(submit_form: SubmitForm, population: Population) -> None:
    response = submit_form(f"/jobs/{population.failed}/retry")
    assert response.status_code == 302
    new = int(response.headers["Location"].rpartition("/")[2])
    assert state_of(population, new).parent_id == population.failed
    refused = submit_form(f"/jobs/{population.trained}/retry")
    assert refused.status_code == 409
    assert "only failed and cancelled jobs can be retried" in refused.text


def test_every_kind_and_state_has_a_page(client: FlaskClient, population: Population) -> None:
    with open_session(population.settings, reads_only=True) as session:
        everything = list_jobs(session, limit=1000)
    assert {client.get(f"/jobs/{job.id}").status_code for job in everything} == {200}
    assert {job.kind for job in everything} >= {"train", "evaluate", "crf", "segment"}
    assert {job.state for job in everything} == set(catalog.STATES)


def test_a_search_marks_its_best_setting_and_leads_on(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.searched}").text
    assert "6 settings on 30 images" in page
    _, row = (row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if '"tag">best<' in row)
    assert re.findall(r"<td[^>]*>([^<]+)</td>", row)[:3] == ["8", "40", "74.00\u202f%"]
    link = re.search(r'href="([^"]+)">refine the whole split</a>', page)
    assert link is not None
    form = client.get(link[1].replace("&amp;", "&")).text
    assert "CRF.POS_W=2\nCRF.BI_W=8\nCRF.BI_XY_STD=40</textarea>" in form
    assert f'<option value="{population.evaluated}" selected' in form


def test_jobs_with_results_of_images_link_them(client: FlaskClient, population: Population) -> None:
    for job_id in (population.segmented, population.evaluated):
        assert f'href="/jobs/{job_id}/results">Results</a>' in client.get(f"/jobs/{job_id}").text
    assert "Results</a>" not in client.get(f"/jobs/{population.refined}").text


def test_a_job_leads_to_its_relatives(client: FlaskClient, submit_form: SubmitForm, population: Population) -> None:
    newest = population.submit("evaluate", checkpoint="2", dataset="shapes")
    trained = client.get(f"/jobs/{population.trained}").text
    related = trained[trained.index("Related jobs") : trained.index("<h2>Parameters</h2>")]
    assert f'href="/jobs/{newest}"' in related
    refined = client.get(f"/jobs/{population.refined}").text
    assert "Based on" in refined
    submit_form(f"/jobs/{population.cancelled}/retry")
    page = client.get(f"/jobs/{population.cancelled}").text
    assert re.search(r"retried as <a href=\"/jobs/\d+\">", page)
    assert '<button class="btn btn-outline-secondary">Retry</button>' in page  # once is enough, as a rule


def test_a_waiting_job_says_what_is_before_it(client: FlaskClient, population: Population) -> None:
    first, second = (population.submit("evaluate", checkpoint="1") for _ in range(2))
    page = client.get(f"/jobs/{second}").text
    assert re.search(r"waiting for a worker · \d+ jobs before it in the gpu queue · its slot is busy, one may be", page)
    for job_id in (first, second):
        with open_session(population.settings) as session:
            jobs.cancel(session, job_id)


def test_name_and_notes_are_edited(client: FlaskClient, submit_form: SubmitForm, population: Population) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    submit_form(f"/jobs/{job_id}/edit", name="Night <run>", notes="first line\nsecond")
    page = client.get(f"/jobs/{job_id}").text
    assert "Night &lt;run&gt;" in page
    assert '<p class="notes-text">first line\nsecond</p>' in page
    submit_form(f"/jobs/{job_id}/edit", name="x" * 121, notes="")
    assert "Name must have at most 120 characters, got 121." in client.get(f"/jobs/{job_id}").text
    assert state_of(population, job_id).name == "Night <run>"


def test_the_error_of_a_failed_job_stands_once_beside_its_log(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.failed}").text
    assert page.count("holds class 7") == 1


def test_a_job_is_deleted_by_its_button(client: FlaskClient, population: Population, submit_form: SubmitForm) -> None:
    job_id = population.submit("train", config=str(population.dataset / "config.yaml"), dataset="shapes")
    assert ">Delete</button>" not in client.get(f"/jobs/{job_id}").text
    submit_form(f"/jobs/{job_id}/cancel")
    page = client.get(f"/jobs/{job_id}").text
    assert f'data-confirm="Deleting job {job_id} deletes its logs and metrics."' in page
    assert ">Delete</button>" not in client.get(f"/jobs/{population.trained}").text  # others use its checkpoints
    assert submit_form(f"/jobs/{job_id}/delete").headers["Location"].endswith("/jobs")
    assert client.get(f"/jobs/{job_id}").status_code == 404


def test_a_checkpoint_is_pinned_by_its_button(
    client: FlaskClient, population: Population, submit_form: SubmitForm
) -> None:
    assert ">pin</button>" in client.get(f"/jobs/{population.trained}").text
    assert submit_form("/checkpoints/1/pin", pinned=1).status_code == 302
    assert ">unpin</button>" in client.get(f"/jobs/{population.trained}").text
    submit_form("/checkpoints/1/pin", pinned=0)
    assert ">unpin</button>" not in client.get(f"/jobs/{population.trained}").text


def test_pages_say_what_is_wrong_with_the_platform_and_with_a_job(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("evaluate", checkpoint="1")
    fence = population.claim(job_id)
    with open_session(population.settings) as session:
        leases.heartbeat(session, job_id, fence, 600, quiet_seconds=125)
        alarms.report(session, alarms.BROKER, "The broker is full.")
    try:
        page = client.get(f"/jobs/{job_id}").text
        assert "no progress for 2 min" in page
        assert "The broker is full." in client.get("/workers").text
        with open_session(population.settings) as session:
            leases.release(session, population.settings, job_id, fence, "outage", "Boom.")
        assert "Its last attempt met an outage; the next one starts in " in client.get(f"/jobs/{job_id}").text
    finally:
        with open_session(population.settings) as session:
            alarms.report(session, alarms.BROKER, None)
            jobs.cancel(session, job_id)


def test_a_job_is_paused_and_resumed_by_buttons(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    job_id = population.submit("evaluate", checkpoint="1", priority=3)
    page = client.get(f"/jobs/{job_id}").text
    assert "priority 3" in page
    assert ">Pause</button>" in page
    submit_form(f"/jobs/{job_id}/pause")
    page = client.get(f"/jobs/{job_id}").text
    assert "It is on hold since" in page
    assert 'state-on-hold">on hold<' in page
    assert submit_form(f"/jobs/{job_id}/priority", priority="-7").status_code == 302
    assert submit_form(f"/jobs/{job_id}/priority", priority="high").status_code == 422
    submit_form(f"/jobs/{job_id}/resume")
    job = state_of(population, job_id)
    assert (job.held_at, job.priority) == (None, -7)


def test_a_job_that_was_cancelled_for_a_reason_says_so(client: FlaskClient, population: Population) -> None:
    first = population.submit("evaluate", checkpoint="1")
    waiting = population.submit("evaluate", checkpoint="1", after=[first])
    assert "Started after" in client.get(f"/jobs/{waiting}").text
    assert "Followed by" in client.get(f"/jobs/{first}").text
    with open_session(population.settings) as session:
        jobs.cancel(session, first)
    page = client.get(f"/jobs/{waiting}").text
    assert "<strong>This job was cancelled.</strong>" in page
    assert f"Job {first}, which it waits for, was cancelled." in page
    assert f"Job {first}, which it waits for, was cancelled." in client.get("/jobs").text
