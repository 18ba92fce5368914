"""Files that no row refers to: what an attempt left that was killed between a file and its row, drafts, old folders.

Nothing of a live attempt is looked at: an attempt counts as over when the database says so, by its own clock. Of what
is over, only files of known names go, and of these only what no row points to.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.bounded_map import bounded_map
from deeplab.files import delete_file, is_draft, real_path
from deeplab.mirrors import mirror_of
from worker.jobs import storage, uploads
from worker.jobs.catalog import TERMINAL
from worker.jobs.cleaning import caches, deletion
from worker.jobs.cleaning.usage import list_files, size_of
from worker.jobs.database import db_now, open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership import outputs
from worker.jobs.records import deleted_jobs
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, CheckpointRow, DatasetRow, JobRow, ResultPartRow, ShardRow

AGE_SECONDS = 3600.0  # since the end of an attempt, after which others than its own job delete what it left

_DELETED = "files of a deleted job"
_DRAFT = "unfinished file"
_NOTES = "notes of an attempt that nobody continues"
_AT_ONCE = 8  # folders that are listed
_REMADE = ("logits", "masks", "confidence")  # folders that each attempt at an evaluate or crf job makes anew


@dataclass(frozen=True)
class Leftover:
    """A file or folder that may go."""

    path: Path
    n_bytes: int
    why: str  # as people read it
    job_id: int | None = None


@dataclass(frozen=True)
class _Attempt:
    """An attempt that is over."""

    job_id: int
    kind: str
    fence: int
    is_last: bool  # of its job so far
    job_is_over: bool

    def folder(self, settings: Settings) -> Path:
        return storage.attempt_dir(settings, self.job_id, self.fence)


def find_leftovers(settings: Settings) -> list[Leftover]:
    """List everything that may go: of attempts, of outputs, of deleted jobs, and of caches beyond their bounds."""
    with open_session(settings, reads_only=True) as session:
        found = _of_attempts(session, settings, _list_over(session, AGE_SECONDS))
        found += _of_segment_jobs(session, settings)
        found += [
            Leftover(path, size_of(path), "upload that nobody imported")
            for path in uploads.find_stale(session, settings)
        ]
        found += _of_imports(session, settings)
        deleted = deleted_jobs.list_unfinished(session)
    found += [
        Leftover(folder, sum(files.values()), _DELETED, job_id)
        for job_id, folders in deleted.items()
        for folder in folders
        if (files := list_files(folder)) or folder.exists()
    ]
    for folder, limit in storage.caches(settings):
        found += [
            Leftover(path, n_bytes, "cache beyond its bound") for path, n_bytes in caches.find_oldest(folder, limit)
        ]
    return found


def find_own_leftovers(settings: Settings, job: Job) -> list[Leftover]:
    """List what the attempts before a running one have left; it holds the job's lease, so these are over."""
    # Assistants of an earlier owner of a segment job end within a lease.
    age = 2 * settings.lease_seconds if job.kind == "segment" else 0.0
    with open_session(settings, reads_only=True) as session:
        over = [each for each in _list_over(session, age, job.id) if each.fence < job.fence]
        own = _of_attempts(session, settings, over)
        fences = {each.fence for each in over}
        imports = _of_imports(session, settings, job.id) if job.kind == "import" else ()
        return own + [each for each in imports if int(each.path.name) in fences]


def remove(settings: Settings, leftovers: list[Leftover]) -> int:
    """Delete what was found, and return how many bytes that freed. What cannot be deleted stays, and a log says so."""
    freed = 0
    for each in leftovers:
        if each.path.is_dir() and not each.path.is_symlink():
            storage.discard_folder(each.path)
        else:
            delete_file(each.path)
        freed += 0 if _is_there(each.path) else each.n_bytes
    deletion.finish_deletions(settings, [each.job_id for each in leftovers if each.why == _DELETED and each.job_id])
    return freed


def _is_there(path: Path) -> bool:
    return path.exists() or (mirror_of(path) is not None and (remote.is_file(path) or remote.is_folder(path)))


def _list_over(session: Session, age: float, job_id: int | None = None) -> list[_Attempt]:
    """The attempts that ended at least so many seconds ago, by the database's clock."""
    query = (
        select(JobRow.id, JobRow.kind, AttemptRow.fence, JobRow.fence, JobRow.state)
        .join(AttemptRow, AttemptRow.job_id == JobRow.id)
        .where(
            AttemptRow.finished_at <= db_now() - age,
            or_(AttemptRow.fence < JobRow.fence, JobRow.state.in_(TERMINAL)),
        )
        .order_by(JobRow.id, AttemptRow.fence)
    )
    if job_id is not None:
        query = query.where(JobRow.id == job_id)
    return [
        _Attempt(number, kind, fence, fence == last, state in TERMINAL)
        for number, kind, fence, last, state in session.execute(query)
    ]


def _of_attempts(session: Session, settings: Settings, attempts: Sequence[_Attempt]) -> list[Leftover]:
    """What may go of attempts; the folders of several are listed side by side, for storage may be far away."""
    found = list[Leftover]()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        listed = bounded_map(pool, list_files, (each.folder(settings) for each in attempts), depth=2 * _AT_ONCE)
        for attempt, files in zip(attempts, listed, strict=True):
            found += _of_attempt(session, settings, attempt, files)
    return found


def _of_attempt(
    session: Session, settings: Settings, attempt: _Attempt, files: Mapping[Path, int]
) -> Iterator[Leftover]:
    folder = attempt.folder(settings)
    candidates = Counter[tuple[Path, str]]()
    for path, n_bytes in files.items():
        if (found := _candidate(path.relative_to(folder), attempt)) is not None:
            candidates[folder / found[0], found[1]] += n_bytes
    referenced = _referenced_paths(session, settings, attempt) if candidates else set()
    for (path, why), n_bytes in candidates.items():
        if path not in referenced:
            yield Leftover(path, n_bytes, why, attempt.job_id)


def _candidate(path: Path, attempt: _Attempt) -> tuple[Path, str] | None:
    """What may go with a file of an attempt that is over, unless a row points to it: itself, or a folder around it."""
    top, alone = path.parts[0], len(path.parts) == 1
    if is_draft(path.name):
        return path, _DRAFT
    if alone and path.match("checkpoint_*.pth"):
        return path, "checkpoint without a record"
    if top in _REMADE and attempt.kind in ("evaluate", "crf") and not attempt.is_last:
        return Path(top), "files of an earlier attempt"
    # Of a live segment job, another worker may still be at a shard under an earlier fence.
    if top == "results" and not alone and (attempt.job_is_over or attempt.kind != "segment"):
        return Path(*path.parts[:2]), "results without a record"
    if top == "items" and not alone:  # only the owner of a job writes there
        return (Path(top), _NOTES) if attempt.job_is_over else (path, "items without a record")
    if alone and attempt.job_is_over and (path.match("shard-*.csv") or path.name == "search.npz"):
        return path, _NOTES
    return None


def _referenced_paths(session: Session, settings: Settings, attempt: _Attempt) -> set[Path]:
    """Every path that a row of an attempt's job points to, and the folders around these."""
    job_id = attempt.job_id
    columns = (
        select(CheckpointRow.path).where(CheckpointRow.job_id == job_id),
        select(ResultPartRow.folder).where(ResultPartRow.job_id == job_id),
        select(ShardRow.manifest).where(ShardRow.job_id == job_id, ShardRow.manifest.is_not(None)),
    )
    paths = {Path(str(path)) for query in columns for path in session.scalars(query)}
    result = session.scalar(select(JobRow.result).where(JobRow.id == job_id)) or {}
    paths |= {Path(result["logits"])} if result.get("logits") else set()
    if not attempt.job_is_over:  # else nobody reads its items again
        chunks = select(ShardRow.chunk).where(ShardRow.job_id == job_id, ShardRow.chunk.is_not(None)).distinct()
        paths |= {storage.items_chunk(settings, job_id, str(name)) for name in session.scalars(chunks)}
    return paths.union(*(path.parents for path in paths))


def _of_imports(session: Session, settings: Settings, job_id: int | None = None) -> Iterator[Leftover]:
    """Datasets of attempts of import jobs that are over, unless the job succeeded by it or it is registered."""
    kept = {Path(root) for root in session.scalars(select(DatasetRow.root))}
    results = session.scalars(select(JobRow.result).where(JobRow.kind == "import", JobRow.result.is_not(None)))
    kept |= {Path(result["root"]) for result in results if result}
    for attempt in _list_over(session, AGE_SECONDS if job_id is None else 0.0, job_id):
        folder = storage.imported_dir(settings, attempt.job_id, attempt.fence)
        if attempt.kind == "import" and folder.is_dir() and not any(each.is_relative_to(folder) for each in kept):
            yield Leftover(folder, size_of(folder), "dataset of an import that did not end", attempt.job_id)


def _of_segment_jobs(session: Session, settings: Settings) -> Iterator[Leftover]:
    """What segment jobs that are over left outside of the folders of their attempts.

    These are lists of items by an earlier version, and drafts in the output, unless another job fills that folder now.
    """
    over = (JobRow.kind == "segment", JobRow.state.in_(TERMINAL), JobRow.finished_at <= db_now() - AGE_SECONDS)
    for job_id, spec in session.execute(select(JobRow.id, JobRow.spec).where(*over)).all():
        found = [(path, _NOTES) for path in storage.earlier_lists(settings, job_id)]
        folder = storage.output_dir(settings, job_id, spec.get("output"))
        if outputs.find_owner(session, real_path(folder)) is None:
            found += [(path, _DRAFT) for path in folder.rglob(".*.tmp") if is_draft(path.name)]
        for path, why in found:
            with suppress(FileNotFoundError):
                yield Leftover(path, path.lstat().st_size, why, job_id)
