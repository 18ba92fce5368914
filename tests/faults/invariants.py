"""What must hold of every job when all have ended, whatever happened to them: read from SQL and from the files."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from deeplab.files import is_draft, sha256_of
from deeplab.inference.manifest import read_manifest
from tests.processes import command_of
from worker.jobs import catalog, outcomes, storage
from worker.jobs.cleaning import leftovers
from worker.jobs.database import open_session
from worker.jobs.jobs import get
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, CheckpointRow, ItemListRow, JobRow, ResultPartRow, ShardRow

_OF_JOBS = ("worker.execution.child", "worker.execution.companion", "multiprocessing.spawn", "resource_tracker")


def find_violations(
    settings: Settings, processes: Collection[psutil.Process] = (), damaged: Collection[Path] = ()
) -> list[str]:
    """List what does not hold.

    Args:
        settings: of the platform, whose jobs have all ended.
        processes: everything of the platform that lives.
        damaged: checkpoints that a test has spoilt.
    """
    with open_session(settings, reads_only=True) as session:
        rows = session.scalars(select(JobRow).order_by(JobRow.id)).all()
        found = [f"Job {row.id}: {said}" for row in rows for said in _of_job(session, settings, row)]
        found += list(_of_checkpoints(session, damaged))
    found += [f"Job {row.id}: {said}" for row in rows for said in _of_files(settings, row)]
    return found + [f"A process is left: {' '.join(each)}" for each in map(command_of, processes) if _is_of_a_job(each)]


def _of_job(session: Session, settings: Settings, row: JobRow) -> Iterator[str]:
    if row.state not in catalog.TERMINAL:
        yield f"has not ended: {row.state}"
    if row.lease_until is not None:
        yield "has ended and holds a lease"
    job = get(session, row.id)
    for count in outcomes.COUNTS:
        if (n := getattr(row, count.column)) > outcomes.bound_of(job, count, settings):
            yield f"{n} {count.noun}s are more than it may have"
    yield from _of_attempts(session, row)
    if row.kind == "segment":
        yield from _of_shards(session, settings, row)


def _of_attempts(session: Session, row: JobRow) -> Iterator[str]:
    """Fences grow one by one, attempts do not overlap, and each has ended."""
    query = select(AttemptRow).where(AttemptRow.job_id == row.id).order_by(AttemptRow.fence)
    attempts = session.scalars(query).all()
    if [each.fence for each in attempts] != list(range(1, row.fence + 1)):
        yield f"its fences are {[each.fence for each in attempts]}"
    if not all(each.outcome in outcomes.ENDINGS and each.finished_at for each in attempts):
        yield f"not each attempt has ended: {[each.outcome for each in attempts]}"
    if any((before.finished_at or 0) > after.started_at for before, after in pairwise(attempts)):
        yield "two attempts had a lease at the same time"
    n_good = sum(each.outcome == catalog.SUCCEEDED for each in attempts)
    if n_good != (row.state == catalog.SUCCEEDED):
        yield f"{n_good} attempts succeeded, and it is {row.state}"


def _of_shards(session: Session, settings: Settings, row: JobRow) -> Iterator[str]:
    """A job that succeeded has each shard and each image once."""
    shards = session.scalars(select(ShardRow).where(ShardRow.job_id == row.id)).all()
    if row.state != catalog.SUCCEEDED:
        return
    sums = session.get_one(ItemListRow, row.id)
    if any(each.state != catalog.SUCCEEDED or each.lease_until is not None or each.fence < 1 for each in shards):
        yield "a shard is not finished"
    if sum(each.n_ok + each.n_error for each in shards) != sums.n_items or sums.n_ok + sums.n_error != sums.n_items:
        yield f"its shards hold other than {sums.n_items} items"
    in_parts = session.scalar(select(func.sum(ResultPartRow.n_images)).where(ResultPartRow.job_id == row.id))
    if in_parts != sums.n_items:
        yield f"{in_parts} results are recorded of {sums.n_items}"
    output = storage.output_dir(settings, row.id, row.spec.get("output"))
    names = [each.path for each in read_manifest(output / "manifest.csv")]
    if len(names) != sums.n_items or len(set(names)) != len(names):
        yield f"its manifest has {len(names)} rows, {len(set(names))} different ones, of {sums.n_items}"
    masks = sum(not is_draft(each.name) for each in (output / "masks").rglob("*.png"))
    if masks != sums.n_ok:
        yield f"there are {masks} masks of {sums.n_ok} images"


def _of_checkpoints(session: Session, damaged: Collection[Path]) -> Iterator[str]:
    """Each that a row refers to is there, and as it was."""
    known = session.scalars(select(CheckpointRow)).all()
    for row in known:
        path = Path(row.path)
        if path in damaged:
            continue
        if not path.is_file():
            yield f"Checkpoint {row.id} is gone: {path}"
        elif (sha256_of(path), path.stat().st_size) != (row.sha256, row.n_bytes):
            yield f"Checkpoint {row.id} is another one: {path}"
    numbers = {row.id for row in known}
    for job_id, best, result in session.execute(select(JobRow.id, JobRow.best_checkpoint, JobRow.result)):
        named = {best, (result or {}).get("checkpoint") if "iteration" in (result or {}) else None} - {None}
        if not named <= numbers:
            yield f"Job {job_id} names checkpoints {named}, which are not all there"


def _of_files(settings: Settings, row: JobRow) -> Iterator[str]:
    """A job that succeeded leaves no file to which nothing refers; what others leave, `deeplab gc` can delete.

    Segment jobs are others, too: at their start they spare what is so young that an assistant may still be at it.
    """
    with open_session(settings, reads_only=True) as session:
        job = get(session, row.id)
    patient_with_none = settings.model_copy(update={"lease_seconds": 0.0})
    over = leftovers.find_own_leftovers(patient_with_none, job)
    if job.state == catalog.SUCCEEDED and job.kind != "segment" and over:
        yield f"left {[str(each.path) for each in over]}"
    all_over = replace(job, fence=job.fence + 1)
    leftovers.remove(settings, leftovers.find_own_leftovers(patient_with_none, all_over))
    folder = storage.job_dir(settings, row.id)
    if drafts := [str(path) for path in folder.rglob(".*.tmp") if is_draft(path.name) and "output" not in path.parts]:
        yield f"drafts are left: {drafts}"


def _is_of_a_job(command: list[str]) -> bool:
    return any(word in " ".join(command) for word in _OF_JOBS)
