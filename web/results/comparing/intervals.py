"""The intervals of differences between evaluations, or why there are none."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from worker.jobs.records.comparability import find_obstacles
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.results import parts
from worker.jobs.results.comparison import Comparison, compare
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings

Folders = tuple[Path, ...]


@dataclass(frozen=True)
class Verdict:
    """What the images say of the difference between two evaluations."""

    comparison: Comparison | None
    reason: str = ""  # why there is no comparison, one sentence


def judge(session: Session, settings: Settings, base: Evaluation, other: Evaluation) -> Verdict:
    """Compare two evaluations image by image. Takes up to a second, the first time.

    Raises:
        OutputError: if the rows cannot be read.
    """
    if find_obstacles(base, other):
        return Verdict(None, "They are not comparable.")
    folders = [folders_of(session, each.job_id) for each in (base, other)]
    for each, found in zip((base, other), folders, strict=True):
        if not found:
            return Verdict(None, f"Job {each.job_id} left no rows per image, which the interval is computed from.")
    comparison = _compare(settings, *folders)
    if comparison is None:
        return Verdict(None, "They did not see the same images with the same ground truth.")
    for each in (base, other):
        if comparison.n_images != (n_images := each.scores.get("n_images")):
            return Verdict(None, f"Job {each.job_id} left rows of {comparison.n_images} of its {n_images} images.")
    return Verdict(comparison)


def folders_of(session: Session, job_id: int) -> Folders:
    """The folders that hold a job's rows; none if it left none."""
    return tuple(part.folder for part in parts.list_parts(session, job_id))


@lru_cache(maxsize=256)
def _compare(settings: Settings, base: Folders, other: Folders) -> Comparison | None:
    """Remembered by the folders, because what is in a part never changes."""
    return compare(_results(settings, base), _results(settings, other))


def _results(settings: Settings, folders: Folders) -> Results:
    return Results(settings, lambda: folders)
