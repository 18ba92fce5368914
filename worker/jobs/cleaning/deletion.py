"""Delete a job with its files: rows first, then files, which the clean-up deletes if this process cannot.

The id of a deleted job is never given again, so that nobody takes the folder or the links of one job for another's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import computed_field
from sqlalchemy import Table, Text, cast, delete, func, or_, select, update
from sqlalchemy.orm import Session

from deeplab.files import printable
from deeplab.formats import list_briefly, plural, size
from worker.jobs import jobs, storage
from worker.jobs.catalog import TERMINAL
from worker.jobs.database import db_now, open_session
from worker.jobs.jobs import Job, JobStateError
from worker.jobs.records import deleted_jobs
from worker.jobs.settings import Settings
from worker.jobs.tables import (
    AliasRow,
    AwaitedJobRow,
    Base,
    CheckpointRow,
    EvaluationRow,
    JobRow,
    ResultPartRow,
    ShardRow,
)


@dataclass(frozen=True)
class Loss:
    """What goes with a job."""

    job_id: int
    n_checkpoints: int
    checkpoint_bytes: int
    n_results: int  # images with results
    has_scores: bool
    stays: Path | None  # its output folder, if that is none of its own

    def __str__(self) -> str:
        """As one sentence."""
        return self.sentence

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorators of properties
    @property
    def sentence(self) -> str:
        """What is lost, in one sentence."""
        lost = []
        if self.n_checkpoints:
            lost.append(f"{plural(self.n_checkpoints, 'checkpoint')} ({size(self.checkpoint_bytes)})")
        if self.has_scores:
            lost.append("its scores")
        if self.n_results:
            lost.append(f"the results of {plural(self.n_results, 'image')}")
        lost.append("its logs and metrics")
        kept = "" if self.stays is None else f" What it wrote to {printable(self.stays)} stays."
        return f"Deleting job {self.job_id} deletes {', '.join(lost)}.{kept}"


def foresee(session: Session, job_id: int) -> Loss:
    """Say what deleting a job would delete.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it may not be deleted.
    """
    job = jobs.get(session, job_id)
    _require_deletable(session, job)
    of_job = CheckpointRow.job_id == job_id
    n_checkpoints, n_bytes = session.execute(
        select(func.count(), func.coalesce(func.sum(CheckpointRow.n_bytes), 0)).where(of_job)
    ).one()
    n_results = session.scalar(select(func.sum(ResultPartRow.n_images)).where(ResultPartRow.job_id == job_id))
    has_scores = session.scalar(select(EvaluationRow.id).where(EvaluationRow.job_id == job_id)) is not None
    output = job.spec.get("output")
    return Loss(job_id, n_checkpoints, int(n_bytes), int(n_results or 0), has_scores, Path(output) if output else None)


def delete_job(settings: Settings, job_id: int, user_id: int | None = None) -> Loss:
    """Delete a job that has ended, with its rows and then its files.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it has not ended, or others refer to what it made.
    """
    with open_session(settings) as session:
        session.execute(select(JobRow.id).where(JobRow.id == job_id).with_for_update())
        # Submissions that name one of these wait, and then find it gone.
        session.execute(select(CheckpointRow.id).where(CheckpointRow.job_id == job_id).with_for_update())
        loss = foresee(session, job_id)
        _delete_rows(session, job_id)
        deleted_jobs.add(session, job_id, storage.job_dir(settings, job_id), user_id)
    finish_deletions(settings, [job_id])
    return loss


def finish_deletions(settings: Settings, job_ids: Sequence[int]) -> None:
    """Delete the folders of deleted jobs; what cannot be deleted is left to the next clean-up."""
    with open_session(settings, reads_only=True) as session:
        unfinished = deleted_jobs.list_unfinished(session)
    for job_id in job_ids:
        folders = unfinished.get(job_id, [])
        n_gone = sum(storage.discard_folder(folder) for folder in folders)
        if job_id in unfinished and n_gone == len(folders):
            with open_session(settings) as session:
                deleted_jobs.finish(session, job_id)


def _require_deletable(session: Session, job: Job) -> None:
    if job.state not in TERMINAL:
        raise JobStateError(f"Job {job.id} is {job.state}; cancel it before you delete it.")
    at_work = select(ShardRow.number).where(ShardRow.job_id == job.id, ShardRow.lease_until > db_now())
    if session.scalars(at_work.limit(1)).first() is not None:
        raise JobStateError(f"Workers are still ending what they do for job {job.id}; try again in a minute.")
    users = _users(session, job.id)
    if users:
        whose = list_briefly([f"job {each}" for each in users], limit=5)
        raise JobStateError(f"Job {job.id} cannot be deleted: {whose} refer to what it made; delete these first.")
    if named := _aliases(session, job.id):
        which = list_briefly([f"{name} stands for its checkpoint {each}" for name, each in named])
        raise JobStateError(f"Job {job.id} cannot be deleted: {which}; move or remove the alias first.")


def _users(session: Session, job_id: int) -> list[int]:
    """The jobs that refer to what a job made: its checkpoints, logits or failed images; or that wait for its end."""
    own = select(CheckpointRow.id).where(CheckpointRow.job_id == job_id)
    refers = or_(
        JobRow.checkpoint.in_(select(cast(CheckpointRow.id, Text)).where(CheckpointRow.job_id == job_id)),
        JobRow.best_checkpoint.in_(own),
        JobRow.evaluate_job == job_id,
    )
    users = set(session.scalars(select(JobRow.id).where(JobRow.id != job_id, refers)))
    waiting = select(JobRow.id, JobRow.spec).where(JobRow.parent_id == job_id, JobRow.state.not_in(TERMINAL))
    users |= {each for each, spec in session.execute(waiting) if spec.get("only_failed_of") == job_id}
    awaiting = select(AwaitedJobRow.job_id).join(JobRow, JobRow.id == AwaitedJobRow.job_id)
    users |= set(session.scalars(awaiting.where(AwaitedJobRow.awaited_id == job_id, JobRow.awaits_others)))
    return sorted(users)


def _aliases(session: Session, job_id: int) -> list[tuple[str, int]]:
    """The aliases of what a job has saved, each with the checkpoint that it stands for."""
    query = select(AliasRow.name, AliasRow.checkpoint_id).join(CheckpointRow).where(CheckpointRow.job_id == job_id)
    return [(name, checkpoint_id) for name, checkpoint_id in session.execute(query.order_by(AliasRow.name))]


def _delete_rows(session: Session, job_id: int) -> None:
    """Delete a job's row, and those of all tables that refer to it."""
    job: Table = Base.metadata.tables[JobRow.__tablename__]
    for table in reversed(Base.metadata.sorted_tables):
        for key in table.foreign_keys:
            if key.column is job.c.id:
                refers = key.parent == job_id
                # Other jobs stay, and forget this one.
                gone = update(job).values({key.parent: None}) if table is job else delete(table)
                session.execute(gone.where(refers))
    session.execute(delete(JobRow).where(JobRow.id == job_id))
    session.expire_all()
