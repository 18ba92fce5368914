"""The supervisor of a job's attempt, with real child processes."""

import sqlite3
import time

import pytest
from sqlalchemy import update

from tests.processes import wait_until
from tests.worker.execution.bench import STOP_NICELY, STUBBORN, Bench
from worker.execution.outcomes import EXIT_UNWRITTEN
from worker.jobs import catalog, leases, storage
from worker.jobs.database import open_session
from worker.jobs.records import events
from worker.jobs.tables import JobRow


def test_success_is_recorded_with_its_result(bench: Bench) -> None:
    job = bench.run("print('working on part', os.environ['PART']); leave('succeeded', result={'n': 1})")
    assert (job.state, job.result, job.error) == (catalog.SUCCEEDED, {"n": 1}, None)
    assert bench.attempts() == [("succeeded", None)]
    assert "Attempt 1 of 3 (fence 1) on slot, CPU." in bench.log()
    assert "working on part 7\n" in bench.log()
    assert bench.log().endswith("INFO    Stopped: the process ended.\n")


def test_a_failure_is_final_and_keeps_its_sentence(bench: Bench) -> None:
    job = bench.run("leave('failed', error='The folder is empty.')")
    assert (job.state, job.error, job.attempts) == (catalog.FAILED, "The folder is empty.", 1)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("leave('crashed', error='RuntimeError: boom')", "RuntimeError: boom"),
        ("sys.exit(3)", "The process ended with exit status 3; its log says why."),
        ("os.kill(os.getpid(), signal.SIGKILL)", "The process was killed by signal 9 (SIGKILL)."),
    ],
)
def test_a_crash_sends_the_job_back_to_the_queue(bench: Bench, script: str, error: str) -> None:
    job = bench.run(script)
    assert (job.state, job.attempts, job.error) == (catalog.QUEUED, 1, None)
    assert bench.attempts() == [("crashed", error)]


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("print('working on part', os.environ['PART']); leave('succeeded')", catalog.SUCCEEDED),
        ("sys.exit(3)", catalog.QUEUED),
        ("os.kill(os.getpid(), signal.SIGKILL)", catalog.QUEUED),
    ],
)
def test_without_a_fork_server_a_child_is_a_fresh_interpreter(
    bench_without_forks: Bench, script: str, state: str
) -> None:
    assert bench_without_forks.run(script).state == state


def test_the_last_of_too_many_crashes_fails_the_job(bench: Bench) -> None:
    bench.run("sys.exit(1)")
    for _ in range(2):
        with open_session(bench.settings) as session:
            claimed = leases.claim(session, bench.job.id, "slot", bench.settings.lease_seconds)
        assert claimed is not None
        bench.job = claimed
        job = bench.run("leave('crashed', error='RuntimeError: boom')")
    assert (job.state, job.attempts) == (catalog.FAILED, 3)
    assert job.error == "Failed after 3 attempts. Last one: RuntimeError: boom"


def test_a_child_that_cannot_be_started_is_a_crash(bench: Bench) -> None:
    attempt = storage.attempt_dir(bench.settings, bench.job.id, bench.job.fence)
    attempt.parent.mkdir(parents=True)
    attempt.touch()  # a file where the folder should be
    job = bench.run("")
    assert job.state == catalog.QUEUED
    [(outcome, error)] = bench.attempts()
    assert outcome == "crashed"
    assert str(error).startswith("The process could not be started: ")


def test_nothing_that_a_child_left_running_survives_it(bench: Bench) -> None:
    job = bench.run("sleep(ignore_sigterm=True); leave('succeeded')")
    assert job.state == catalog.SUCCEEDED


def test_cancelled_means_that_no_process_is_left(bench: Bench) -> None:
    with bench.running("sleep(); sleep(ignore_sigterm=True); sleep(start_new_session=True)" + STUBBORN):
        assert len(bench.living()) == 4
        asked_at = time.monotonic()
        bench.cancel()
    assert time.monotonic() - asked_at < bench.settings.stop_seconds + 5
    assert bench.now().state == catalog.CANCELLED
    assert "Asked to stop: the job was cancelled." in bench.log()


def test_cancelled_means_that_no_process_of_a_fresh_interpreter_is_left(bench_without_forks: Bench) -> None:
    with bench_without_forks.running("sleep(start_new_session=True)" + STUBBORN):
        bench_without_forks.cancel()
    assert bench_without_forks.now().state == catalog.CANCELLED


def test_a_child_that_stops_when_asked_is_not_waited_for(bench: Bench) -> None:
    with bench.running(STOP_NICELY):
        asked_at = time.monotonic()
        bench.cancel()
    assert time.monotonic() - asked_at < bench.settings.stop_seconds
    assert bench.now().state == catalog.CANCELLED


def test_a_job_that_ends_while_it_is_cancelled_has_ended(bench: Bench) -> None:
    with bench.running(STOP_NICELY.replace("leave('stopped')", "").replace('leave("stopped")', 'leave("succeeded")')):
        bench.cancel()
    assert bench.now().state == catalog.SUCCEEDED


def test_a_child_without_progress_is_killed(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"stall_seconds": 1.0})
    job = bench.run("time.sleep(60)")
    assert (job.state, job.attempts) == (catalog.QUEUED, 1)
    assert bench.attempts() == [("stalled", "It reported no progress for 1 s.")]


def test_people_are_warned_of_a_child_without_progress(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"stall_seconds_by_kind": (("train", 6.0),)})
    with bench.running("(folder / 'ready').touch(); time.sleep(60)"):
        wait_until(lambda: bench.now().quiet_since is not None, 10)
    with open_session(bench.settings) as session:
        messages = [event.message for event in events.list_events(session, bench.job.id)]
    assert sum(message.startswith("no progress for ") for message in messages) == 1
    assert bench.attempts() == [("stalled", "It reported no progress for 6 s.")]
    assert bench.now().quiet_since is None


@pytest.mark.parametrize(("status", "outcome"), [(1, "crashed"), (EXIT_UNWRITTEN, "outage")])
def test_a_child_that_had_no_room_for_its_outcome_met_an_outage(bench: Bench, status: int, outcome: str) -> None:
    bench.run(f"sys.exit({status})")
    assert [each for each, _ in bench.attempts()] == [outcome]


def test_progress_is_what_keeps_a_child_alive(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"stall_seconds": 1.0})
    job = bench.run("for _ in range(10): time.sleep(0.25); (folder / 'alive').touch()\nleave('succeeded')")
    assert job.state == catalog.SUCCEEDED


@pytest.mark.parametrize(
    "script", [STOP_NICELY, STUBBORN, "(folder / 'ready').touch(); time.sleep(60)"], ids=["nice", "stubborn", "plain"]
)
def test_a_preempted_job_goes_back_to_the_queue_and_the_attempt_does_not_count(bench: Bench, script: str) -> None:
    bench.settings = bench.settings.model_copy(update={"stop_seconds": 1.0})
    with bench.running(script):
        bench.stopping = True
    job = bench.now()
    assert (job.state, job.attempts) == (catalog.QUEUED, 0)
    assert bench.attempts() == [("preempted", None)]


@pytest.mark.parametrize("script", [STOP_NICELY, "(folder / 'ready').touch(); time.sleep(60)"], ids=["nice", "plain"])
def test_a_child_that_was_stopped_from_outside_is_preempted(bench: Bench, script: str) -> None:
    with bench.running(script):
        [child] = bench.living()
        child.terminate()
    assert bench.attempts() == [("preempted", None)]


def test_the_lease_is_kept_while_the_child_works(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"lease_seconds": 1.0})
    with open_session(bench.settings) as session:
        leases.heartbeat(session, bench.job.id, bench.job.fence, 1.0)
    with bench.running("(folder / 'ready').touch(); time.sleep(3); leave('succeeded')"):
        while (job := bench.now()).state == catalog.RUNNING:
            with open_session(bench.settings, reads_only=True) as session:
                assert leases.expired(session) == []
            time.sleep(0.1)
    assert job.state == catalog.SUCCEEDED


def test_a_lost_lease_ends_the_child_and_nothing_is_recorded(bench: Bench) -> None:
    with bench.running(STUBBORN):
        with open_session(bench.settings) as session:  # as if this process had slept while another one took the job
            session.execute(update(JobRow).values(fence=JobRow.fence + 1, owner="another"))
        taken = bench.now()
    assert bench.now() == taken
    assert taken.state == catalog.RUNNING


def test_a_child_dies_before_a_lease_that_cannot_be_renewed(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"lease_seconds": 3.0})
    with bench.running(STUBBORN):
        blocker = sqlite3.connect(bench.settings.home / "deeplab.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")  # no other connection can write now: the database hangs
        hung_at = time.monotonic()
        wait_until(lambda: not bench.living(), 10)
        assert time.monotonic() - hung_at < 3.0
        blocker.rollback()
        blocker.close()
    assert bench.now().state == catalog.QUEUED
    assert bench.attempts() == [("lost", "Its lease could not be renewed.")]


def test_everything_that_happened_can_be_read(bench: Bench) -> None:
    bench.run("leave('crashed', error='RuntimeError: boom')")
    with open_session(bench.settings) as session:
        messages = [event.message for event in events.list_events(session, bench.job.id)]
    assert messages == ["submitted", "claimed by slot", "crashed, back in the queue: RuntimeError: boom"]
