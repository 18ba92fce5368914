import random
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy.orm import Session

from tests.worker.store import FOREVER, OVER, plan_shards, submit, submit_and_claim
from worker.jobs import catalog, jobs, leases, shards
from worker.jobs.database import open_session
from worker.jobs.leases import LeaseLostError, Wish
from worker.jobs.records import events, metrics
from worker.jobs.settings import Settings


def test_claim_takes_a_queued_job(store: Settings) -> None:
    with open_session(store) as session:
        queued = submit(session, store)
        job = leases.claim(session, queued.id, "a", FOREVER)
        assert job is not None
        assert (job.state, job.fence, job.attempts, job.owner) == (catalog.RUNNING, 1, 1, "a")
        assert job.started_at is not None
        [attempt] = jobs.list_attempts(session, job.id)
        assert (attempt.fence, attempt.owner, attempt.outcome) == (1, "a", None)


def test_a_job_is_claimed_once(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        assert leases.claim(session, job.id, "b", FOREVER) is None
        assert leases.claim(session, 4711, "b", FOREVER) is None
        assert jobs.get(session, job.id).owner == "a"


def test_of_many_claimants_at_a_time_one_wins(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
    barrier = threading.Barrier(8)
    winners: list[str] = []

    def claim(owner: str) -> None:
        barrier.wait()
        with open_session(store) as session:
            if leases.claim(session, job.id, owner, FOREVER) is not None:
                winners.append(owner)

    threads = [threading.Thread(target=claim, args=(f"owner {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_session(store) as session:
        now = jobs.get(session, job.id)
        assert [now.owner] == winners
        assert (now.fence, now.attempts) == (1, 1)
        assert len(jobs.list_attempts(session, job.id)) == 1


def test_heartbeat_tells_of_a_cancellation(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store, lease_seconds=OVER)
        assert leases.heartbeat(session, job.id, job.fence, FOREVER) is None
        assert leases.expired(session) == []
        jobs.cancel(session, job.id)
        assert leases.heartbeat(session, job.id, job.fence, FOREVER) is Wish.CANCEL


def test_nothing_is_accepted_from_an_old_fence(store: Settings) -> None:
    with open_session(store) as session:
        old = submit_and_claim(session, store, lease_seconds=OVER)
        assert leases.expire(session, store, old.id, old.fence) == catalog.QUEUED
        new = leases.claim(session, old.id, "b", FOREVER)
        assert new is not None
        assert new.fence > old.fence
    writes: list[Callable[[], object]] = [
        lambda: leases.heartbeat(session, old.id, old.fence, FOREVER),
        lambda: leases.finish(session, old.id, old.fence, catalog.SUCCEEDED, result={"checkpoint": 1}),
        lambda: leases.release(session, store, old.id, old.fence, "crashed"),
    ]
    for write in writes:
        with pytest.raises(LeaseLostError, match=f"Job {old.id} is no longer owned by"), open_session(store) as session:
            write()
    with pytest.raises(LeaseLostError), leases.fenced(store, old.id, old.fence) as session:
        events.add(session, old.id, old.fence, "from the grave")
    with open_session(store) as session:
        assert jobs.get(session, old.id) == new
        assert "from the grave" not in [event.message for event in events.list_events(session, old.id)]


def test_what_is_written_under_the_fence_is_kept_or_dropped_as_a_whole(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
    with leases.fenced(store, job.id, job.fence) as session:
        leases.set_progress(session, job.id, 5, 10, "iteration", 1.0)
        metrics.add(session, job.id, 5, {"loss": 0.5})
    with suppress(ZeroDivisionError), leases.fenced(store, job.id, job.fence) as session:
        metrics.add(session, job.id, 6, {"loss": 0.4})
        session.flush()
        raise ZeroDivisionError
    with open_session(store) as session:
        assert jobs.get(session, job.id).done == 5
        assert metrics.list_metrics(session, job.id) == {"loss": [[5, 0.5]]}


@pytest.mark.parametrize("state", [catalog.SUCCEEDED, catalog.FAILED, catalog.CANCELLED])
def test_terminal_states_never_change(store: Settings, state: str) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        leases.finish(session, job.id, job.fence, state, result={"n": 1}, error="Because.")
        ended = jobs.get(session, job.id)
        assert ended.state == state
        assert ended.finished_at is not None
    changes: list[Callable[[], object]] = [
        lambda: leases.finish(session, job.id, job.fence, catalog.SUCCEEDED),
        lambda: leases.release(session, store, job.id, job.fence, "crashed"),
        lambda: leases.heartbeat(session, job.id, job.fence, FOREVER),
    ]
    for change in changes:
        with pytest.raises(LeaseLostError), open_session(store) as session:
            change()
    with pytest.raises(jobs.JobStateError, match=f"already {state}"), open_session(store) as session:
        jobs.cancel(session, job.id)
    with open_session(store) as session:
        assert leases.claim(session, job.id, "b", FOREVER) is None
        assert leases.expire(session, store, job.id, job.fence) is None
        assert jobs.get(session, job.id) == ended


def test_a_crash_counts_and_a_preemption_does_not(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        assert leases.release(session, store, job.id, job.fence, "preempted") == catalog.QUEUED
        assert jobs.get(session, job.id).attempts == 0
        again = leases.claim(session, job.id, "a", FOREVER)
        assert again is not None
        assert leases.release(session, store, job.id, again.fence, "crashed", "Boom.") == catalog.QUEUED
        assert jobs.get(session, job.id).attempts == 1
        assert [(each.outcome, each.error) for each in jobs.list_attempts(session, job.id)] == [
            ("preempted", None),
            ("crashed", "Boom."),
        ]


def test_a_released_job_whose_cancellation_was_requested_is_cancelled(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        jobs.cancel(session, job.id)
        assert leases.release(session, store, job.id, job.fence, "crashed", "Boom.") == catalog.CANCELLED


def test_attempts_are_limited(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for number in range(1, job.max_attempts + 1):
            claimed = leases.claim(session, job.id, "a", FOREVER)
            assert claimed is not None
            assert claimed.attempts == number
            state = leases.release(session, store, job.id, claimed.fence, "crashed", "Boom.")
        assert state == catalog.FAILED
        failed = jobs.get(session, job.id)
        assert failed.attempts == failed.max_attempts == 3
        assert failed.error == "Failed after 3 attempts. Last one: Boom."
        assert leases.claim(session, job.id, "a", OVER) is None


def test_only_an_expired_lease_is_taken_away_and_only_once(store: Settings) -> None:
    with open_session(store) as session:
        alive, dead = submit_and_claim(session, store), submit_and_claim(session, store, lease_seconds=OVER)
        assert leases.expired(session) == [(dead.id, dead.fence)]
        assert leases.expire(session, store, alive.id, alive.fence) is None
        assert leases.expire(session, store, dead.id, dead.fence + 1) is None
        assert leases.expire(session, store, dead.id, dead.fence) == catalog.QUEUED
        assert leases.expire(session, store, dead.id, dead.fence) is None


def test_a_lease_that_was_renewed_since_it_was_seen_is_not_taken_away(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store, lease_seconds=OVER)
        [seen] = leases.expired(session)
        leases.heartbeat(session, job.id, job.fence, FOREVER)
        assert leases.expire(session, store, *seen) is None
        assert jobs.get(session, job.id).state == catalog.RUNNING


def test_a_claim_frees_the_shards_of_the_previous_owner(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store, owner="a")
        plan_shards(session, job.id, 20, 10)
        shards.claim(session, job.id, "a", FOREVER)
        shards.claim(session, job.id, "b", FOREVER)
        leases.release(session, store, job.id, job.fence, "crashed")
        leases.claim(session, job.id, "c", FOREVER)
        freed = shards.claim(session, job.id, "c", FOREVER)
        assert freed is not None
        assert (freed.number, freed.fence) == (0, 2)
        assert shards.claim(session, job.id, "c", FOREVER) is None  # the other one is still with b


def _take_random_step(session: Session, store: Settings, rng: random.Random, job_id: int, fence: int) -> None:
    match rng.choice(["claim", "claim", "expire", "heartbeat", "release", "release", "rare"]):
        case "claim":
            leases.claim(session, job_id, rng.choice("ab"), rng.choice([OVER, FOREVER]))
        case "expire":
            leases.expire(session, store, job_id, fence)
        case "heartbeat":
            leases.heartbeat(session, job_id, fence, rng.choice([OVER, FOREVER]))
        case "release":
            leases.release(session, store, job_id, fence, rng.choice(["preempted", "preempted", "crashed"]))
        case _ if rng.random() < 0.5:
            leases.finish(session, job_id, fence, catalog.SUCCEEDED)
        case _:
            jobs.cancel(session, job_id)


@pytest.mark.parametrize("seed", range(5))
def test_the_invariants_hold_in_any_history(store: Settings, seed: int) -> None:
    """Random claims, ends and cancellations by claimants of which some are late."""
    rng = random.Random(seed)
    fences: list[int] = [0]
    with open_session(store) as session:
        job_id = submit(session, store).id
    ended: jobs.Job | None = None
    for _ in range(60):
        with suppress(LeaseLostError, jobs.JobStateError), open_session(store) as session:
            _take_random_step(session, store, rng, job_id, fence=rng.choice(fences))
        with open_session(store) as session:
            job = jobs.get(session, job_id)
            attempts = jobs.list_attempts(session, job_id)
        assert job.fence >= fences[-1]
        fences += [job.fence] if job.fence > fences[-1] else []
        assert job.attempts <= job.max_attempts
        assert [attempt.fence for attempt in attempts] == fences[1:]
        assert [attempt.fence for attempt in attempts if attempt.outcome is None] == (
            [job.fence] if job.state == catalog.RUNNING else []
        )
        assert ended is None or job == ended
        ended = job if job.is_terminal else None
