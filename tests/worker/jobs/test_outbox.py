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
        for pause in (10, 20, 40, 80, 160, 300, 300):
            assert [due.id for due in outbox.list_due(session)] == [job.id]
            outbox.mark_published(session, job.id)
            assert outbox.list_due(session) == []
            _age_publication(session, job.id, pause - 5)
            assert outbox.list_due(session) == []
            _age_publication(session, job.id, pause + 1)
        leases.claim(session, job.id, "a", FOREVER)
        assert outbox.list_due(session) == []


def _age_publication(session: Session, job_id: int, seconds: float) -> None:
    session.execute(update(JobRow).where(JobRow.id == job_id).values(published_at=db_now() - seconds))
    session.expire_all()
