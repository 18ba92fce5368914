"""Record the results of an attempt as they come: in parts, merged in steps, and into one part in the end."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from deeplab.scores.image_scores import ImageScores
from worker.execution.kinds import JobContext
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.results import merging, parts
from worker.jobs.results.indexing import write_index
from worker.jobs.results.parts import Part
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part

_IMAGES = 1000  # of a part ...
_SECONDS = 20.0  # ... or what came in so long, for people who watch


def record_earlier(context: JobContext) -> None:
    """Record the shards of a segment job that an earlier version finished, of which there are only manifests."""
    with open_session(context.settings, reads_only=True) as session:
        unrecorded = parts.find_unrecorded(session, context.job.id)
    if unrecorded is None:
        return
    folder = storage.earlier_part_dir(context.settings, context.job.id, context.job.fence)
    n_images = write_index(unrecorded.manifests, folder)
    with context.fenced() as session:
        parts.replace_unrecorded(session, context.job.id, unrecorded, folder, n_images)


class PartMerger:
    """Merges the parts of a job that this attempt owns."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._n_merged = 0

    def merge_due(self) -> None:
        """Merge parts while others are still to come, so that there are never many."""
        while due := merging.due(self._parts()):
            self._merge(due)

    def merge_all(self) -> None:
        """Merge all parts into one."""
        if len(left := self._parts()) > 1:
            self._merge(left)

    def _parts(self) -> list[Part]:
        with open_session(self._context.settings, reads_only=True) as session:
            return parts.list_parts(session, self._context.job.id)

    def _merge(self, merged: Sequence[Part]) -> None:
        job = self._context.job
        folder = storage.merged_part_dir(self._context.settings, job.id, job.fence, self._n_merged)
        self._n_merged += 1
        merging.merge(merged, folder)
        with self._context.fenced() as session:
            parts.replace(session, job.id, merged, folder)
        for part in merged:  # only now that no row points to them; who reads them asks anew
            shutil.rmtree(part.folder, ignore_errors=True)


class ImageRecorder:
    """Records the images of an evaluation in the order in which they come."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._merger = PartMerger(context)
        self._waiting: list[ImageResult] = []
        self._n_parts = 0
        self._written_at = time.monotonic()
        with context.fenced() as session:
            parts.forget(session, context.job.id)  # those of an earlier attempt

    def add(self, scores: ImageScores) -> None:
        """Record an image, with some others before long."""
        self._waiting.append(ImageResult.of_scores(scores))
        if len(self._waiting) >= _IMAGES or time.monotonic() > self._written_at + _SECONDS:
            self._write()
            self._merger.merge_due()

    def finish(self) -> None:
        """Record what is left, and merge all parts."""
        self._write()
        self._merger.merge_all()

    def _write(self) -> None:
        if not self._waiting:
            return
        folder = self._next_folder()
        write_part(folder, self._waiting)
        with self._context.fenced() as session:
            parts.add(session, self._context.job.id, folder, len(self._waiting))
        self._waiting = []
        self._written_at = time.monotonic()

    def _next_folder(self) -> Path:
        self._n_parts += 1
        return storage.part_dir(self._context.settings, self._context.job.id, self._context.job.fence, self._n_parts)
