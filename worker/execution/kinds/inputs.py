"""Nothing runs on inputs that were exchanged: each attempt compares them with what the job was submitted with."""

import hashlib
import json
from collections.abc import Collection
from functools import cache
from pathlib import Path

from deeplab import remote
from deeplab.config import Config
from deeplab.datasets.layouts.by_name import list_split
from deeplab.mirrors import mirror_of
from worker.execution.kinds import JobContext
from worker.jobs.ownership import pins


def require_inputs(context: JobContext, *, splits: Collection[str] = (), besides: Collection[str] = ()) -> None:
    """Compare what an attempt will read with what it was at submission, and the files of splits with the first attempt.

    Args:
        context: of the attempt.
        splits: those that it reads.
        besides: names of pins that it does not read.

    Raises:
        InputChangedError: if something was exchanged or is gone.
        DatasetError: if an image of a split is gone.
    """
    settings, job = context.settings, context.job
    pins.require_unchanged(settings, job, besides=besides)
    for split in sorted(set(splits)):
        name, what = pins.split_name(split), f"The split {split} of {job.dataset or context.config.DATASET.NAME}"
        pins.require_same_list(settings, job.id, name, what, _digest_split(context.config, split))


def _digest_split(config: Config, split: str) -> str:
    """Hash the ids of a split, and sizes and times of its files."""
    stamp_of, digest = cache(_stamp), hashlib.sha256()
    listing = list_split(config.DATASET, split)
    for pair in listing.require_complete() if listing.has_ground_truth else listing.require_images():
        stamps = stamp_of(pair.image), stamp_of(pair.ground_truth.path)
        digest.update(json.dumps([pair.id, *stamps]).encode())
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, float] | None:
    """Size and time of a file; None if there is none."""
    try:
        if mirror_of(path) is not None:
            return remote.status_by_listing(path)
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
