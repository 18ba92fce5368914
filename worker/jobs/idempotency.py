"""Requests that make one job however often they are sent: a key of the sender's own, kept for a day."""

from dataclasses import dataclass, replace

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.database import db_now, read_clock
from worker.jobs.tables import IdempotencyKeyRow

_KEPT_SECONDS = 86_400


class KeyReusedError(DeepLabError):
    """A key was sent before with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The Idempotency-Key {key!r} came with another request within a day; use a new one.")


class AlreadySubmittedError(DeepLabError):
    """The same request, sent at the same time, was faster."""


@dataclass(frozen=True)
class Once:
    """A request that makes one job."""

    user_id: int | None  # whose key it is; None: nobody is asked to sign in
    key: str
    digest: str  # a hash of all that was sent

    def of_part(self, job_id: int) -> "Once":
        """Of a request that makes several jobs, the part about one."""
        return replace(self, key=f"{self.key}/{job_id}")

    @property
    def owner(self) -> int:
        """Whose key it is in the table."""
        return self.user_id or 0


def find(session: Session, once: Once) -> int | None:
    """Find the job that a request has made already.

    Raises:
        KeyReusedError: if its key came with another request.
    """
    row = session.get(IdempotencyKeyRow, (once.owner, once.key))
    if row is None or row.created_at < read_clock(session) - _KEPT_SECONDS:
        return None
    if row.digest != once.digest:
        raise KeyReusedError(once.key)
    return row.job_id


def record(session: Session, once: Once, job_id: int) -> None:
    """Record that a request has made a job, in the transaction that inserts it.

    Raises:
        AlreadySubmittedError: if the same request was faster; the caller then rolls back.
    """
    session.execute(delete(IdempotencyKeyRow).where(IdempotencyKeyRow.created_at < db_now() - _KEPT_SECONDS))
    now = read_clock(session)
    session.add(IdempotencyKeyRow(owner=once.owner, key=once.key, digest=once.digest, job_id=job_id, created_at=now))
    try:
        session.flush()
    except IntegrityError:
        raise AlreadySubmittedError("The same request has been sent twice at a time.") from None
