from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.worker.store import FOREVER, submit
from worker.jobs import leases, outbox
from worker.jobs.database import db_now, open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow


def test_publication_is_due_at_once_and_then_with_growing_pauses(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert [each.id for each in outbox.list_new(session)] == [job.id]
        for pause in (10, 20, 40, 80, 160, 300, 300):
            assert outbox.take(session, job.id)
            assert not outbox.take(session, job.id)  # somebody did just now
            assert outbox.list_new(session) == []
            _age_publication(session, job.id, pause - 5)
            assert outbox.list_overdue(session) == []
            _age_publication(session, job.id, pause + 1)
            assert [each.id for each in outbox.list_overdue(session)] == [job.id]
        leases.claim(session, job.id, "a", FOREVER)
        assert outbox.list_overdue(session) == []
        assert not outbox.take(session, job.id)


def test_a_publication_that_failed_is_given_back(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert outbox.take(session, job.id)
        outbox.give_back(session, job.id)
        assert [each.id for each in outbox.list_new(session)] == [job.id]


def test_queued_jobs_are_counted_by_queue_and_gpus(store: Settings) -> None:
    with open_session(store) as session:
        for _ in range(2):
            submit(session, store)
        submit(session, store, gpus=2, overrides="SOLVER.BATCH_SIZE.TRAIN=4")
        assert outbox.count_ready(session) == {("gpu", 1): 2, ("gpu", 2): 1}


def _age_publication(session: Session, job_id: int, seconds: float) -> None:
    session.execute(update(JobRow).where(JobRow.id == job_id).values(published_at=db_now() - seconds))
    session.expire_all()
