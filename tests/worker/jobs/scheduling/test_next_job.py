from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from tests.worker.store import FOREVER, submit
from worker.jobs import holds, jobs, leases, outbox
from worker.jobs.accounts import users
from worker.jobs.catalog import RUNNING
from worker.jobs.database import db_now, open_session
from worker.jobs.jobs import Job
from worker.jobs.scheduling import next_job
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow

GPU = ("gpu", 1)


def limited(store: Settings, **limits: int) -> Settings:
    return store.model_copy(update=limits)


def claim_next(session: Session, settings: Settings) -> int | None:
    """Claim as a worker does; the id of the job."""
    found = next_job.find_next(session, settings, GPU)
    if found is None:
        return None
    claimed = leases.claim(session, found, "a", FOREVER)
    assert claimed is not None
    assert claimed.state == RUNNING
    return claimed.id


def submit_of(session: Session, store: Settings, user_id: int, **fields: Any) -> Job:
    job = submit(session, store, **fields)
    session.execute(update(JobRow).where(JobRow.id == job.id).values(user_id=user_id))
    return job


def test_jobs_start_by_priority_and_then_by_age(store: Settings) -> None:
    with open_session(store) as session:
        ids = [submit(session, store, priority=priority).id for priority in (0, -3, 7, 0)]
        holds.set_priority(session, ids[3], 9)
        assert [claim_next(session, store) for _ in range(5)] == [ids[3], ids[2], ids[0], ids[1], None]


def test_only_a_job_of_a_higher_priority_goes_before_help(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store, priority=2)
        assert next_job.find_next(session, store, GPU, above=2) is None
        assert next_job.find_next(session, store, GPU, above=1) == job.id


def test_queues_and_numbers_of_gpus_are_apart(store: Settings) -> None:
    with open_session(store) as session:
        submit(session, store, gpus=2, overrides="SOLVER.BATCH_SIZE.TRAIN=4", priority=10)
        assert claim_next(session, store) is None
        assert next_job.find_next(session, store, ("cpu", 1)) is None
        assert next_job.is_any_ready(session, store, ("gpu", 2))


def test_a_job_waits_for_its_time_by_the_clock_of_the_database(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store, not_before="2999-01-01T00:00Z")
        past = submit(session, store, not_before="2001-01-01T00:00Z")
        next_job.wake(session)
        assert claim_next(session, store) == past.id
        assert claim_next(session, store) is None
        assert leases.claim(session, job.id, "a", FOREVER) is None
        assert not next_job.is_any_due(session)
        assert outbox.list_new(session) == []
        session.execute(update(JobRow).where(JobRow.id == job.id).values(not_before=db_now()))
        assert next_job.is_any_due(session)
        next_job.wake(session)
        assert [each.id for each in outbox.list_new(session)] == [job.id]
        assert claim_next(session, store) == job.id


def test_a_limit_of_a_queue_counts_all_that_run_in_it(store: Settings) -> None:
    settings = limited(store, running_per_queue=2)
    with open_session(store) as session:
        submitted = [submit(session, store) for _ in range(3)]
        assert [claim_next(session, settings) for _ in range(3)] == [submitted[0].id, submitted[1].id, None]
        assert next_job.list_next(session, settings, GPU, 5) == []
        leases.finish(session, submitted[0].id, 1, "succeeded")
        assert next_job.list_next(session, settings, GPU, 5) == [submitted[2].id]
        assert claim_next(session, settings) == submitted[2].id


def test_a_limit_of_users_keeps_nobody_else_back(store: Settings) -> None:
    settings = limited(store, running_per_user=1)
    with open_session(store) as session:
        ann, bob = (users.add(session, name, "operator", None).id for name in ("ann", "bob"))
        anns = [submit_of(session, store, ann, priority=5) for _ in range(2)]
        bobs = submit_of(session, store, bob)
        nobodys = [submit(session, store, priority=-1) for _ in range(2)]
        started = [claim_next(session, settings) for _ in range(4)]
        assert started == [anns[0].id, bobs.id, nobodys[0].id, None]
        leases.finish(session, anns[0].id, 1, "succeeded")
        assert [claim_next(session, settings) for _ in range(2)] == [anns[1].id, None]


def test_no_job_of_a_paused_queue_starts(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert outbox.take(session, job.id)
        holds.pause_queue(session, "gpu")
        assert next_job.find_next(session, store, GPU) is None
        assert leases.claim(session, job.id, "a", FOREVER) is None
        assert (outbox.list_new(session), outbox.count_ready(session)) == ([], {})
        holds.resume_queue(session, "gpu")
        assert [each.id for each in outbox.list_new(session)] == [job.id]  # its message may have come in vain
        assert claim_next(session, store) == job.id


@pytest.mark.parametrize("limits", [{}, {"running_per_user": 3, "running_per_queue": 5}], ids=["free", "limited"])
def test_a_claim_reads_the_index_of_ready_jobs_alone(
    store: Settings, limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its cost does not grow with the queue."""
    with open_session(store) as session:
        users.add(session, "ann", "operator", None)
        job = submit(session, store)
        columns = ("kind", "queue", "spec", "config", "max_attempts", "created_at", "state", "gpus")
        row = session.get_one(JobRow, job.id)
        values = {name: getattr(row, name) for name in columns}
        session.bulk_insert_mappings(JobRow.__mapper__, [values for _ in range(2000)])
        query = next_job._next(limited(store, **limits), GPU)
        sqlite = session.get_bind().dialect.name == "sqlite"
        if not sqlite:
            session.execute(text("ANALYZE job"))
        plan = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        lines = [str(line) for line in session.execute(text(plan + str(compiled)))]
        assert any("ix_job_ready" in line for line in lines), lines
        assert not any("TEMP B-TREE" in line or "Sort" in line for line in lines if "ready" in line), lines


def test_jobs_of_users_are_counted(store: Settings) -> None:
    with open_session(store) as session:
        ann = users.add(session, "ann", "operator", None).id
        for job in (submit_of(session, store, ann), submit_of(session, store, ann), submit(session, store)):
            leases.claim(session, job.id, "a", FOREVER)
        submit(session, store)
        assert next_job.count_running(session) == {("gpu", "ann"): 2, ("gpu", None): 1}
        assert session.scalar(select(JobRow.priority)) == jobs.get(session, 1).priority == 0
