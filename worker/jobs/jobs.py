"""Jobs as the dashboard, the API and the command line see them: insert, read, name, cancel; job_list lists them.

Every function takes a Session and leaves the commit to its caller.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import computed_field
from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs import experiments
from worker.jobs.catalog import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, TERMINAL, Kind, State
from worker.jobs.database import db_now, read_clock
from worker.jobs.records import events
from worker.jobs.records.deleted_jobs import first_free_id
from worker.jobs.requests.facts import facts_of
from worker.jobs.requests.label import NO_LABEL, Label
from worker.jobs.requests.resolve import lock_checkpoint
from worker.jobs.requests.specs import Spec
from worker.jobs.roots import Roots
from worker.jobs.scheduling import chains
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, JobRow
from worker.jobs.timestamp import Timestamp


class JobNotFoundError(DeepLabError):
    """There is no job of that id."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"There is no job {job_id}.")


class JobStateError(DeepLabError):
    """The job's state does not allow what was requested."""


def fraction_of(state: str, done: int, total: int) -> float:
    """Progress in [0, 1] of a job that has finished `done` of `total` units."""
    if state == SUCCEEDED:
        return 1.0
    return min(done / total, 1.0) if total else 0.0


@dataclass(frozen=True)
class JobSummary:
    """What lists show of a job, as it was when it was read."""

    id: int
    kind: Kind
    state: State
    queue: str  # one of worker.jobs.catalog.QUEUES: which workers may claim it
    name: str  # what people call it; may be empty
    experiment: str | None  # the name of that which it belongs to
    user: str | None  # who submitted it; None: from the command line
    model: str  # MODEL.NAME
    dataset: str | None  # the registered name, else the folder, else the layout; None for a segment job
    dataset_version: str | None  # the digest of a registered dataset's version when the job was submitted
    checkpoint: str | None  # the text of the CheckpointRef that it starts from
    alias: str | None  # by which its request named that checkpoint; None: by none
    evaluate_job: int | None  # whose logits a crf job refines
    spec: dict[str, Any]  # the request as worker.jobs.requests.specs validated it, as JSON
    gpus: int  # how many GPUs it asks for; 1 also means: one if there is any
    priority: int  # the higher, the earlier it starts
    awaits_others: bool  # whether it waits for jobs that have yet to succeed
    held_at: Timestamp | None  # since when it is on hold; if it is running, since when it is to be
    parent_id: int | None  # the job that this one retries or clones
    is_retry: bool  # whether it retries its parent
    fence: int  # grows with every claim; 0 before the first
    # Attempts in a row that got no further than those before (worker.jobs.outcomes):
    attempts: int  # that crashed, stalled or ran out of memory, and the one that is running
    max_attempts: int
    outages: int  # that met an outage of the database or the storage
    lost_leases: int  # whose worker died
    preemptions: int  # whose worker was told to stop
    not_before: Timestamp | None  # until when a queued job waits, as asked for or after an attempt; None: it does not
    quiet_since: Timestamp | None  # since when a running one reports no progress; None: it does
    reached: int  # how far the attempts that have ended got: an iteration, or a number of shards
    owner: str | None  # the slot that holds the lease, or held the last one
    cancel_requested: bool
    done: int  # units that are finished ...
    total: int  # ... out of so many; 0 while unknown
    unit: str  # "iteration", "image", "mask" or "refinement"; empty while unknown
    eta_seconds: float | None  # estimated seconds that are left
    result: dict[str, Any] | None  # what a succeeded job produced
    error: str | None  # why a failed job failed, one sentence
    best_checkpoint: int | None  # id of the checkpoint with the best mean IoU of a training's validations so far
    created_at: Timestamp
    started_at: Timestamp | None  # first claim
    finished_at: Timestamp | None

    @property
    def label(self) -> dict[str, str]:
        """The fields of its label that every list has: all but the notes."""
        return {"name": self.name, "experiment": self.experiment or ""}

    @property
    def is_terminal(self) -> bool:
        """Whether the state can no longer change."""
        return self.state in TERMINAL

    @property
    def can_be_retried(self) -> bool:
        """Whether it failed or was cancelled."""
        return self.state in (FAILED, CANCELLED)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorators of properties
    @property
    def fraction(self) -> float:
        """Progress in [0, 1]."""
        return fraction_of(self.state, self.done, self.total)


@dataclass(frozen=True)
class Job(JobSummary):
    """One requested piece of work, with the parts that are too large for a list."""

    notes: str
    config: dict[str, Any]  # the whole configuration, resolved at submission
    roots: dict[str, Any] | None = None  # what it may open, a worker.jobs.roots.Roots; None: anything


@dataclass(frozen=True)
class Attempt:
    """One execution of a job."""

    fence: int
    owner: str
    started_at: Timestamp
    finished_at: Timestamp | None
    outcome: str | None  # one of worker.jobs.outcomes.ENDINGS; None while running
    error: str | None


def insert(
    session: Session,
    settings: Settings,
    spec: Spec,
    config: Mapping[str, Any],
    *,
    parent_id: int | None = None,
    is_retry: bool = False,
    label: Label = NO_LABEL,
    user_id: int | None = None,
    roots: Roots | None = None,
    alias: str | None = None,
) -> Job:
    """Insert a job as queued.

    Args:
        session: the caller commits.
        settings: say how often the job may be attempted.
        spec: the request.
        config: the configuration that was resolved for it.
        parent_id: the job that this one copies or retries.
        is_retry: whether it retries its parent.
        label: its name and notes.
        user_id: who submits it.
        roots: what it may open; None: anything.
        alias: by which its checkpoint was named, for people to see.

    Raises:
        SpecError: if the checkpoint that the request names was discarded since it was resolved, or a job that it waits
            for has failed or was cancelled.
    """
    lock_checkpoint(session, spec)
    row = JobRow(
        id=first_free_id(session),
        kind=spec.kind,
        state=QUEUED,
        queue=spec.chosen_queue(),
        gpus=spec.chosen_gpus(),
        rank=-spec.priority,
        not_before=spec.earliest_start(),
        spec=spec.model_dump(mode="json"),
        config=dict(config),
        parent_id=parent_id,
        is_retry=is_retry,
        roots=None if roots is None else asdict(roots),
        name=label.name,
        notes=label.notes,
        experiment_id=experiments.find_or_begin(session, label.experiment, user_id),
        user_id=user_id,
        alias=alias,
        **asdict(facts_of(session, spec, config)),
        max_attempts=settings.max_attempts,
        created_at=read_clock(session),
    )
    session.add(row)
    session.flush()
    chains.link(session, row, spec)
    origin = "submitted" if parent_id is None else f"{'retry' if is_retry else 'copy'} of job {parent_id}"
    events.add(session, row.id, 0, origin, user_id)
    return from_row(row)


def get(session: Session, job_id: int) -> Job:
    """Read one job.

    Raises:
        JobNotFoundError: if there is none of that id.
    """
    row = session.get(JobRow, job_id)
    if row is None:
        raise JobNotFoundError(job_id)
    return from_row(row)


def relabel(session: Session, job_id: int, label: Label) -> Job:
    """Give a job a name and notes, and put it into an experiment.

    Raises:
        JobNotFoundError: if there is no such job.
    """
    experiment_id = experiments.find_or_begin(session, label.experiment, None)
    values = {"name": label.name, "notes": label.notes, "experiment_id": experiment_id}
    session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))
    session.expire_all()
    return get(session, job_id)


def list_retries_of_failed(session: Session, job_id: int) -> list[int]:
    """List the jobs that segment only what failed in a job, the oldest first."""
    rows = session.execute(select(JobRow.id, JobRow.spec).where(JobRow.parent_id == job_id).order_by(JobRow.id))
    return [child_id for child_id, spec in rows if spec.get("only_failed_of") == job_id]


def list_attempts(session: Session, job_id: int) -> list[Attempt]:
    """A job's history: its attempts, oldest first."""
    rows = session.scalars(select(AttemptRow).where(AttemptRow.job_id == job_id).order_by(AttemptRow.fence))
    return [Attempt(row.fence, row.owner, row.started_at, row.finished_at, row.outcome, row.error) for row in rows]


def user_id_of(session: Session, job_id: int) -> int | None:
    """Who submitted a job; None: somebody on the command line, or nobody who signed in."""
    return session.scalar(select(JobRow.user_id).where(JobRow.id == job_id))


def cancel(session: Session, job_id: int, user_id: int | None = None) -> Job:
    """End a queued job at once; ask the supervisor of a running one to end it. `user_id` says whose wish that is.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it has already ended.
    """
    cancelled = session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state.in_((QUEUED, RUNNING)))
        .values(
            cancel_requested=True,
            state=case((JobRow.state == QUEUED, CANCELLED), else_=JobRow.state),
            finished_at=case((JobRow.state == QUEUED, db_now()), else_=None),
            awaits_others=False,
            held_at=None,
        )
        .returning(JobRow.fence)
    ).scalar_one_or_none()
    session.expire_all()
    job = get(session, job_id)
    if cancelled is None:
        ended = "was already cancelled" if job.state == CANCELLED else f"already {job.state}"
        raise JobStateError(f"Job {job_id} {ended}; only queued and running jobs can be cancelled.")
    events.add(session, job_id, job.fence, "cancelled" if job.is_terminal else "cancel requested", user_id)
    if job.is_terminal:
        chains.settle(session, job_id)
    return job


def from_row(row: JobRow) -> Job:
    """Read a job from its row."""
    return Job(**{field.name: getattr(row, field.name) for field in fields(Job)})
