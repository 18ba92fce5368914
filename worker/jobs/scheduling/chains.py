"""Chains: jobs that wait until earlier ones have succeeded.

A job that waits has a row for each job that it awaits, and the flag `awaits_others`. When a job ends, those that wait
for it are freed or cancelled in the same transaction. Two that end at the same moment may each see the other one still
running; what then is left over, the reconciler settles.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, aliased

from worker.jobs.catalog import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints, events
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    CheckpointSpec,
    CrfSpec,
    Spec,
)
from worker.jobs.tables import AwaitedJobRow, JobRow

_IN_VAIN = (FAILED, CANCELLED)


def awaited_by(spec: Spec) -> dict[int, str]:
    """The jobs that a request waits for, each with the field that names it: `after`, or one that uses its outcome."""
    awaited = dict.fromkeys(spec.after, "after")
    match spec:
        case CheckpointSpec() if spec.checkpoint_ref.job_id is not None:
            awaited[spec.checkpoint_ref.job_id] = "checkpoint"
        case CrfSpec():
            awaited[spec.evaluate_job] = "evaluate_job"
    return awaited


def link(session: Session, row: JobRow, spec: Spec) -> None:
    """Let a job that is being inserted wait for those that its request names; it may be ready at once.

    Raises:
        SpecError: if one of them does not exist, has failed or was cancelled.
    """
    awaited = awaited_by(spec)
    states = dict(session.execute(_states(awaited)).all())
    for job_id, field in awaited.items():
        if job_id not in states:
            raise SpecError({field: f"There is no job {job_id}."})
        if states[job_id] in _IN_VAIN:
            raise SpecError({field: f"{_describe(job_id, states[job_id])}, so nothing can wait for it."})
    session.add_all(AwaitedJobRow(job_id=row.id, awaited_id=job_id) for job_id in awaited)
    row.awaits_others = bool(awaited)
    session.flush()
    if awaited and all(state == SUCCEEDED for state in states.values()):
        _free(session, row)


def list_unsettled(session: Session, ended_id: int | None = None) -> list[int]:
    """List the waiting jobs that can be freed, or that wait in vain; if given, only those that wait for one job."""
    waiting = select(JobRow.id).where(JobRow.awaits_others, JobRow.state == QUEUED)
    if ended_id is not None:
        for_it = select(AwaitedJobRow.job_id).where(AwaitedJobRow.awaited_id == ended_id)
        waiting = waiting.where(JobRow.id.in_(for_it))
    settled = or_(_awaits(_IN_VAIN), ~_awaits((QUEUED, RUNNING)))
    return list(session.scalars(waiting.where(settled).order_by(JobRow.id)))


def settle(session: Session, ended_id: int | None = None) -> None:
    """Free the jobs whose awaited jobs have all succeeded, and cancel those of which one has not, and so on.

    Args:
        session: the caller commits.
        ended_id: of the job that has just ended; None: look at all.
    """
    ended = [ended_id]
    while ended:
        for job_id in list_unsettled(session, ended.pop()):
            if _settle_one(session, job_id) == CANCELLED:
                ended.append(job_id)


def list_open(session: Session, job_ids: Collection[int]) -> dict[int, list[int]]:
    """List the awaited jobs that have yet to end, by the ids of those that await them."""
    query = select(AwaitedJobRow.job_id, AwaitedJobRow.awaited_id).join(JobRow, JobRow.id == AwaitedJobRow.awaited_id)
    query = query.where(AwaitedJobRow.job_id.in_(job_ids), JobRow.state.in_((QUEUED, RUNNING)))
    found: dict[int, list[int]] = {}
    for job_id, awaited_id in session.execute(query.order_by(AwaitedJobRow.awaited_id)):
        found.setdefault(job_id, []).append(awaited_id)
    return found


def _settle_one(session: Session, job_id: int) -> str:
    """Free a waiting job, or cancel it if it waits in vain; return its state."""
    row = session.get_one(JobRow, job_id, populate_existing=True, with_for_update=True)
    if row.state == QUEUED and row.awaits_others:  # else somebody has settled it in the meantime
        if (culprit := session.execute(_of_awaited(job_id, _IN_VAIN)).first()) is not None:
            _cancel(session, row, f"{_describe(*culprit, waits=True)}.")
        else:
            try:
                _free(session, row)
            except SpecError as error:
                _cancel(session, row, " ".join(error.fields.values()))
    return row.state


def _free(session: Session, row: JobRow) -> None:
    """Let a job start, with the checkpoint of the job that its request names in its place.

    Raises:
        SpecError: if that job has left none.
    """
    ref = None if row.checkpoint is None else CheckpointRef.parse(row.checkpoint)
    if ref is not None and ref.job_id is not None:
        checkpoint = checkpoints.find_outcome(session, ref.job_id, lock=True)
        if checkpoint is None:
            raise SpecError({"checkpoint": f"Job {ref.job_id} has left no checkpoint."})
        row.checkpoint = CheckpointRef.of_id(checkpoint.id).text
        row.spec = {**row.spec, "checkpoint": row.checkpoint}
        events.add(session, row.id, row.fence, f"takes checkpoint {checkpoint.id} of job {ref.job_id}")
    row.awaits_others, row.published_at, row.publications = False, None, 0
    session.flush()


def _cancel(session: Session, row: JobRow, reason: str) -> None:
    row.state, row.cancel_requested, row.awaits_others, row.error = CANCELLED, True, False, reason
    row.finished_at = read_clock(session)
    events.add(session, row.id, row.fence, f"{CANCELLED}: {reason}")
    session.flush()


def _describe(job_id: int, state: str, *, waits: bool = False) -> str:
    """What became of a job: "Job 12, which it waits for, failed"."""
    return f"Job {job_id}{', which it waits for,' if waits else ''} {'was ' if state == CANCELLED else ''}{state}"


def _states(job_ids: Collection[int]) -> Select[int, str]:
    return select(JobRow.id, JobRow.state).where(JobRow.id.in_(job_ids))


def _of_awaited(job_id: int, states: Collection[str]) -> Select[int, str]:
    """The awaited jobs of a job that are in one of these states, with their states."""
    query = select(JobRow.id, JobRow.state).join(AwaitedJobRow, AwaitedJobRow.awaited_id == JobRow.id)
    return query.where(AwaitedJobRow.job_id == job_id, JobRow.state.in_(states)).order_by(JobRow.id)


def _awaits(states: Collection[str]) -> ColumnElement[bool]:
    """Whether a job waits for one that is in one of these states."""
    awaited = aliased(JobRow)
    query = select(AwaitedJobRow.job_id).join(awaited, awaited.id == AwaitedJobRow.awaited_id)
    return query.where(AwaitedJobRow.job_id == JobRow.id, awaited.state.in_(states)).correlate(JobRow).exists()
