import json
from dataclasses import replace

import pytest

from deeplab.catalog import SCORES
from deeplab.files import sha256_of, write_text
from tests.worker.cli.conftest import Deeplab, Files
from worker.cli.job.text import render_job
from worker.jobs import jobs, leases, outcomes, storage, submission
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints, events
from worker.jobs.records.trials import Trial
from worker.jobs.requests.label import Label
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.watching.whole_job import read_whole_job


@pytest.fixture
def submitted(home: Settings, files: Files) -> Job:
    """A queued train job, with id 1."""
    return submission.submit(home, parse_spec("train", {"config": str(files.config)}))


@pytest.fixture
def running(home: Settings, submitted: Job) -> Job:
    """The same, half done, with a log, a metric and a checkpoint."""
    with open_session(home) as session:
        job = leases.claim(session, submitted.id, "gpu@test", 60)
        assert job is not None
        leases.set_progress(session, job.id, 60, 120, "iteration", 61.0)
        checkpoint = storage.attempt_dir(home, job.id, job.fence) / "checkpoint_0000060.pth"
        write_text(checkpoint, "weights")
        checkpoints.add(session, job.id, job.fence, 60, checkpoint, sha256_of(checkpoint))
    write_text(storage.log_path(home, job.id, job.fence), "line one\nline two\n")
    return job


def finish(settings: Settings, job: Job, state: str, error: str | None = None) -> None:
    with open_session(settings) as session:
        leases.finish(session, job.id, job.fence, state, error=error)


def test_list_of_no_job(deeplab: Deeplab, home: Settings) -> None:
    assert deeplab("job", "list").output == "No jobs found.\n"
    assert json.loads(deeplab("job", "list", "--json").output) == []


def test_list_shows_progress(deeplab: Deeplab, running: Job) -> None:
    heading, line = deeplab("job", "list").output.splitlines()
    assert heading.split() == ["ID", "NAME", "KIND", "STATE", "DONE", "TOOK", "LEFT", "ERROR"]
    assert line.split()[:5] == ["1", "train", "running", "60/120", "iterations"]
    assert line.endswith("1 min 1 s")
    (job,) = json.loads(deeplab("job", "list", "--state", "running", "--kind", "train", "--json").output)
    assert (job["id"], job["done"], job["total"], job["fraction"], job["attempts"]) == (1, 60, 120, 0.5, 1)
    assert deeplab("job", "list", "--state", "failed").output == "No jobs found.\n"
    assert deeplab("job", "list", "--before", 1).output == "No jobs found.\n"


def test_names_and_notes_are_changed_and_searched(deeplab: Deeplab, running: Job) -> None:
    assert deeplab("job", "edit", 1, "--name", "First light").output == "Job 1 is called 'First light'.\n"
    assert deeplab("job", "edit", 1, "--notes", "wide lens").exit_code == 0
    assert deeplab("job", "show", 1).output.startswith("Job 1: train, running\nName: First light\nNotes: wide lens\n")
    assert "First light" in deeplab("job", "list", "--search", "WIDE").output
    assert deeplab("job", "list", "--search", "tele").output == "No jobs found.\n"
    assert deeplab("job", "edit", 1, "--name", "").output == "Job 1 has no name.\n"
    nothing = deeplab("job", "edit", 1)
    assert (nothing.exit_code, "Nothing to change" in nothing.stderr) == (2, True)


def test_a_table_has_no_room_for_long_errors(deeplab: Deeplab, home: Settings, running: Job) -> None:
    finish(home, running, "failed", f"/data/jobs/1/1/best.pth: has {'many ' * 30}keys.")
    line = deeplab("job", "list").output.splitlines()[1]
    assert "  Has many many" in line
    assert line.endswith("…")


def test_show_has_everything_that_belongs_to_a_job(deeplab: Deeplab, home: Settings, running: Job) -> None:
    finish(home, running, "failed", "The disk is full.")
    text = deeplab("job", "show", 1).output
    assert text.startswith("Job 1: train, failed\nError: The disk is full.\n")
    assert "\nRequest:\n  device: auto\n  config: " in text
    assert "\nProgress:\n  60/120 iterations; attempt 1 of 3\n" in text
    assert "\nCheckpoints:\n  1: iteration 60, " in text
    assert "  claimed by gpu@test\n" in text
    whole = json.loads(deeplab("job", "show", 1, "--json").output)
    assert whole["error"] == "The disk is full."
    assert whole["fraction"] == 0.5
    assert [each["iteration"] for each in whole["checkpoints"]] == [60]
    assert whole["attempts"] == 1
    assert [each["outcome"] for each in whole["history"]] == ["failed"]
    assert whole["evaluation"] is None
    assert whole["events"][0]["message"] == "submitted"


def test_show_says_what_keeps_a_job_waiting(deeplab: Deeplab, submitted: Job) -> None:
    text = deeplab("job", "show", 1).output
    sentence = "No live worker serves the gpu queue."
    assert f"\nWaiting: {sentence} Start one: deeplab worker start --queue gpu\n" in text
    assert "\n  gpus: 1\n" in text
    assert json.loads(deeplab("job", "show", 1, "--json").output)["obstacle"] == sentence


def test_show_says_what_counts_against_a_job(deeplab: Deeplab, home: Settings, submitted: Job) -> None:
    settings = home.model_copy(update={"retry_seconds": 0.0})
    for _ in range(2):
        with open_session(home) as session:
            job = leases.claim(session, submitted.id, "gpu@test", 60)
            assert job is not None
            leases.release(session, settings, job.id, job.fence, outcomes.OUTAGE, "Boom.")
    assert "So far: 2 outages that saved nothing new, of 20\n" in deeplab("job", "show", 1).output


def test_show_lists_the_trials_of_a_search(home: Settings, submitted: Job) -> None:
    scores = dict.fromkeys(SCORES, 0.5)
    found = [
        Trial(1, {"BI_W": 2.0}, scores, best=False),
        Trial(2, {"BI_W": 4.5}, {**scores, "mean_iou": 0.75}, best=True),
    ]
    with open_session(home, reads_only=True) as session:
        whole = replace(read_whole_job(session, home, submitted.id), trials=found)
    lines = "\nTrials:\n  CRF.BI_W=2: mean IoU 50.0 %\n  CRF.BI_W=4.5: mean IoU 75.0 % (best)"
    assert lines in render_job(whole)


def test_logs(deeplab: Deeplab, running: Job) -> None:
    assert deeplab("job", "logs", 1).output == "line one\nline two\n"


def test_logs_follow_to_the_end_of_the_job(deeplab: Deeplab, home: Settings, running: Job) -> None:
    finish(home, running, "succeeded")
    assert deeplab("job", "logs", 1, "--follow").output == "line one\nline two\n"


def test_job_that_was_not_started_has_no_log(deeplab: Deeplab, submitted: Job) -> None:
    ended = deeplab("job", "logs", 1)
    assert ended.stdout == ""
    assert ended.stderr == "Job 1 (queued) has no log, because it has not started.\n"


def test_cancel(deeplab: Deeplab, submitted: Job) -> None:
    assert deeplab("job", "cancel", 1).output == "Job 1 is cancelled.\n"
    again = deeplab("job", "cancel", 1)
    assert again.exit_code == 1
    assert again.stderr == "Error: Job 1 was already cancelled; only queued and running jobs can be cancelled.\n"


def test_cancel_of_a_running_job_is_a_request(deeplab: Deeplab, running: Job) -> None:
    assert deeplab("job", "cancel", 1).output == "Job 1 is being cancelled; this takes a few seconds.\n"
    asked = json.loads(deeplab("job", "cancel", 1, "--json").stdout)
    assert (asked["cancel_requested"], asked["fraction"], asked["attempts"]) == (True, 0.5, 1)


def test_retry_continues_from_the_last_checkpoint(deeplab: Deeplab, home: Settings, running: Job) -> None:
    assert deeplab("job", "retry", 1).exit_code == 1  # it has not ended
    finish(home, running, "failed", "The disk is full.")
    again = json.loads(deeplab("job", "retry", 1, "--json").stdout)
    assert (again["id"], again["parent_id"], again["spec"]["resume"], again["fraction"]) == (2, 1, 1, 0)


def test_retry_of_failed_images_is_for_segment_jobs(deeplab: Deeplab, home: Settings, running: Job) -> None:
    finish(home, running, "failed", "The disk is full.")
    ended = deeplab("job", "retry", 1, "--failed")
    assert ended.exit_code == 1
    assert ended.stderr == "Error: Job 1 (train, failed) is not a segment job that has ended.\n"


def test_clone_with_changes(deeplab: Deeplab, submitted: Job) -> None:
    ended = deeplab("job", "clone", 1, "--change", "seed=9", "--set", "SOLVER.LR=1e-3", "--json")
    clone = json.loads(ended.stdout)
    assert (clone["parent_id"], clone["spec"]["seed"], clone["config"]["SOLVER"]["LR"]) == (1, 9, 1e-3)
    further = json.loads(deeplab("job", "clone", clone["id"], "--set", "SOLVER.MOMENTUM=0.5", "--json").stdout)
    assert further["spec"]["overrides"] == ["SOLVER.LR=1e-3", "SOLVER.MOMENTUM=0.5"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("seed", "--change: expected FIELD=VALUE, such as seed=7, got 'seed'."),
        ("seeds=1", "Error: --change seeds: is not a field of this kind of job."),
        ("seed=x", "Error: --change seed: must be a whole number"),
    ],
)
def test_clone_refuses_what_does_not_fit(deeplab: Deeplab, submitted: Job, change: str, sentence: str) -> None:
    ended = deeplab("job", "clone", 1, "--change", change)
    assert ended.exit_code != 0
    assert sentence in ended.stderr


@pytest.mark.parametrize("verb", ["show", "logs", "cancel", "pause", "resume", "retry", "clone"])
def test_job_that_does_not_exist_is_named(deeplab: Deeplab, home: Settings, verb: str) -> None:
    ended = deeplab("job", verb, 77)
    assert ended.exit_code == 1
    assert ended.stderr == "Error: There is no job 77.\n"


def test_nothing_that_others_wrote_changes_the_terminal(deeplab: Deeplab, home: Settings, running: Job) -> None:
    write_text(storage.log_path(home, 1, 1), "a\r\x1b[31mred\u202e\n\tb\n")
    with open_session(home) as session:
        events.add(session, 1, 1, "split val\x1b]0;title\x07 is missing")
        jobs.relabel(session, 1, Label(name="", notes="\x1b[2J\u2066"))
    assert deeplab("job", "logs", 1).output == "a\\r\\x1b[31mred\\u202e\n\tb\n"
    for arguments in (("job", "show", 1), ("job", "show", 1, "--json"), ("job", "list")):
        output = deeplab(*arguments).output
        assert not set(output) & set("\x1b\x07\r\u2066"), arguments


def test_a_job_is_paused_resumed_and_prioritised(deeplab: Deeplab, submitted: Job) -> None:
    assert deeplab("job", "pause", 1).output == "Job 1 is on hold.\n"
    assert deeplab("job", "pause", 1).stderr == "Error: Job 1 is on hold; it cannot be paused.\n"
    assert "Waiting: It is on hold since " in deeplab("job", "show", 1).output
    assert deeplab("job", "resume", 1).output == "Job 1 is queued and no longer on hold.\n"
    assert deeplab("job", "edit", 1, "--priority", 7).output == "Job 1 has no name, and has the priority 7.\n"
    assert "priority: 7" in deeplab("job", "show", 1).output
    assert "from -10 to 10" in deeplab("job", "edit", 1, "--priority", 70).stderr
    assert json.loads(deeplab("job", "pause", 1, "--json").output)["held_at"].endswith("Z")


def test_a_job_that_runs_is_being_paused(deeplab: Deeplab, running: Job) -> None:
    assert deeplab("job", "pause", 1).output == "Job 1 is being paused; this takes a few seconds.\n"
