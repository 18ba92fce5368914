import pytest

from tests.worker.store import FOREVER, submit, submit_and_claim
from worker.jobs import holds, jobs, leases, outbox
from worker.jobs.accounts import users
from worker.jobs.catalog import QUEUED
from worker.jobs.database import open_session
from worker.jobs.holds import PriorityError, QueueNotFoundError
from worker.jobs.jobs import JobStateError
from worker.jobs.leases import Wish
from worker.jobs.records import events
from worker.jobs.settings import Settings


def test_a_queued_job_on_hold_starts_when_it_is_resumed(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert outbox.take(session, job.id)
        assert holds.pause(session, job.id).held_at is not None
        assert leases.claim(session, job.id, "a", FOREVER) is None
        with pytest.raises(JobStateError, match=f"Job {job.id} is on hold; it cannot be paused."):
            holds.pause(session, job.id)
        assert holds.resume(session, job.id).held_at is None
        assert [each.id for each in outbox.list_new(session)] == [job.id]
        assert leases.claim(session, job.id, "a", FOREVER) is not None


def test_a_running_job_goes_back_to_the_queue_and_the_attempt_does_not_count(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        holds.pause(session, job.id)
        assert leases.heartbeat(session, job.id, job.fence, FOREVER) is Wish.PAUSE
        assert leases.release(session, store, job.id, job.fence, "paused") == QUEUED
        paused = jobs.get(session, job.id)
        assert (paused.attempts, paused.preemptions, paused.held_at is not None) == (0, 0, True)
        assert leases.claim(session, job.id, "a", FOREVER) is None
        holds.resume(session, job.id)
        assert leases.claim(session, job.id, "a", FOREVER) is not None


def test_a_job_that_ends_before_it_is_paused_has_ended(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        holds.pause(session, job.id)
        leases.finish(session, job.id, job.fence, "succeeded")
        assert jobs.get(session, job.id).held_at is None
        for change in (holds.pause, holds.resume):
            with pytest.raises(JobStateError, match=f"Job {job.id} is succeeded"):
                change(session, job.id)


def test_a_cancellation_wins_over_a_pause(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        holds.pause(session, job.id)
        jobs.cancel(session, job.id)
        assert leases.heartbeat(session, job.id, job.fence, FOREVER) is Wish.CANCEL
        with pytest.raises(JobStateError, match="is being cancelled"):
            holds.pause(session, job.id)


def test_a_priority_is_in_bounds_and_of_a_queued_job(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert holds.set_priority(session, job.id, -10).priority == -10
        for wrong in (11, -11, 10**30):
            with pytest.raises(PriorityError, match="from -10 to 10"):
                holds.set_priority(session, job.id, wrong)
        leases.claim(session, job.id, "a", FOREVER)
        with pytest.raises(JobStateError, match="is running; only queued jobs"):
            holds.set_priority(session, job.id, 1)
        assert events.list_events(session, job.id)[1].message == "priority -10"


def test_a_queue_is_paused_once_and_by_name(store: Settings) -> None:
    with open_session(store) as session:
        ann = users.add(session, "ann", "operator", None).id
        holds.pause_queue(session, "gpu", ann)
        since = holds.list_pauses(session)["gpu"].since
        holds.pause_queue(session, "gpu")
        [(name, pause)] = holds.list_pauses(session).items()
        assert (name, pause.since, pause.user) == ("gpu", since, "ann")
        holds.resume_queue(session, "gpu")
        holds.resume_queue(session, "gpu")
        assert holds.list_pauses(session) == {}
        for change in (holds.pause_queue, holds.resume_queue):
            with pytest.raises(QueueNotFoundError, match="expected one of gpu, cpu"):
                change(session, "tpu")
