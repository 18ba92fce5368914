"""Where a job comes from, and what became of it: its parent, retries and copies, and the jobs that use what it made."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import Session

from worker.jobs.catalog import PASSING, SUCCEEDED
from worker.jobs.jobs import JobSummary
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.facts import trained_by
from worker.jobs.tables import AwaitedJobRow, CheckpointRow, JobRow
from worker.jobs.watching.job_list import SUMMARY, summary_of

_MOST = 20  # relatives of one sort


@dataclass(frozen=True)
class Lineage:
    """The relatives of a job; of each sort the newest, and at most _MOST."""

    parent: JobSummary | None  # that it retries or copies
    source: JobSummary | None  # the training that saved its checkpoint, or the evaluate job whose logits it refines
    retries: Sequence[JobSummary]
    copies: Sequence[JobSummary]
    users: Sequence[JobSummary]  # that work with its checkpoints or its logits, or with what these made
    awaited: Sequence[JobSummary]  # that it waits for, or waited, but does not use
    followers: Sequence[JobSummary]  # that wait for it, or waited, but do not use it

    @property
    def is_empty(self) -> bool:
        """Whether there is no relative."""
        return not any(getattr(self, field.name) for field in fields(self))


def read_lineage(session: Session, job: JobSummary) -> Lineage:
    """Read the relatives of a job."""
    source_id = job.evaluate_job if job.kind == "crf" else trained_by(session, job.checkpoint)
    children = JobRow.parent_id == job.id
    users = _list(session, _uses(job), JobRow.kind != PASSING) if job.kind in ("train", "evaluate", "register") else []
    awaited = select(AwaitedJobRow.awaited_id).where(AwaitedJobRow.job_id == job.id)
    followers = select(AwaitedJobRow.job_id).where(AwaitedJobRow.awaited_id == job.id)
    shown = {source_id, *(user.id for user in users)}
    return Lineage(
        parent=_find(session, job.parent_id),
        source=_find(session, source_id),
        retries=_list(session, children, JobRow.is_retry.is_(True)),
        copies=_list(session, children, JobRow.is_retry.is_(False)),
        users=users,
        awaited=[each for each in _list(session, JobRow.id.in_(awaited)) if each.id not in shown],
        followers=[each for each in _list(session, JobRow.id.in_(followers)) if each.id not in shown],
    )


def list_checkpoint_users(session: Session, checkpoint_id: int) -> list[JobSummary]:
    """The newest jobs that work with a checkpoint, or with logits that were made with it."""
    text = CheckpointRef.of_id(checkpoint_id).text
    evaluated = select(JobRow.id).where(JobRow.kind == "evaluate", JobRow.checkpoint == text)
    uses = or_(JobRow.checkpoint == text, JobRow.evaluate_job.in_(evaluated))
    return _list(session, uses, JobRow.kind != PASSING)


def list_onnx_jobs(session: Session, checkpoint_id: int) -> list[JobSummary]:
    """The newest jobs that have written a checkpoint's model as an ONNX file."""
    text = CheckpointRef.of_id(checkpoint_id).text
    return _list(session, JobRow.checkpoint == text, JobRow.kind == "onnx", JobRow.state == SUCCEEDED)


def _uses(job: JobSummary) -> ColumnElement[bool]:
    if job.kind == "evaluate":
        return JobRow.evaluate_job == job.id
    own = select(cast(CheckpointRow.id, Text)).where(CheckpointRow.job_id == job.id)
    will = JobRow.checkpoint == CheckpointRef.of_job(job.id).text
    evaluations = select(JobRow.id).where(JobRow.kind == "evaluate", JobRow.checkpoint.in_(own))
    return or_(will, JobRow.checkpoint.in_(own), JobRow.evaluate_job.in_(evaluations))


def _find(session: Session, job_id: int | None) -> JobSummary | None:
    row = session.execute(select(*SUMMARY).where(JobRow.id == job_id)).one_or_none()
    return None if row is None else summary_of(row)


def _list(session: Session, *conditions: ColumnElement[bool]) -> list[JobSummary]:
    query = select(*SUMMARY).where(*conditions).order_by(JobRow.id.desc()).limit(_MOST)
    return [summary_of(row) for row in session.execute(query)]
