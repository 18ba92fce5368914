"""Record the results of an attempt as they come: in parts, merged in steps, and into one part in the end."""

import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from deeplab import remote
from deeplab.errors import OutputError
from deeplab.inference.manifest import stream_manifest
from deeplab.scores.image_scores import ImageScores
from worker.execution.kinds import JobContext
from worker.jobs import shards, storage
from worker.jobs.database import open_session
from worker.jobs.results import merging, parts
from worker.jobs.results.indexing import write_index
from worker.jobs.results.parts import FinishedShard, Part, Unrecorded
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part

_log = logging.getLogger(__name__)
_IMAGES = 1000  # of a part ...
_SECONDS = 20.0  # ... or what came in so long, for people who watch


def record_lost(context: JobContext) -> bool:
    """Record again what the results of a segment job lack, from the manifests of its finished shards.

    These are results whose files are gone or damaged, and those of an earlier version, which left only manifests. A
    shard of which the manifest is lost, too, is opened again.

    Returns:
        Whether shards were opened again.
    """
    settings, job = context.settings, context.job
    with open_session(settings, reads_only=True) as session:
        lost = [part for part in parts.list_parts(session, job.id) if not merging.is_whole(part)]
    if lost:
        _log.warning("The results of %d images are lost; they are made again.", sum(part.n_images for part in lost))
        with context.fenced() as session:
            parts.remove(session, lost)
    with open_session(settings, reads_only=True) as session:
        unrecorded = parts.find_unrecorded(session, job.id)
    return unrecorded is not None and _record(context, unrecorded)


def _record(context: JobContext, unrecorded: Unrecorded) -> bool:
    """Make a part of the manifests that are left; whether shards of others were opened again."""
    gone = {each.number for each in unrecorded.shards if not _is_whole(each)}
    number = max(unrecorded.parts, default=0)
    folder = storage.recorded_part_dir(context.settings, context.job.id, context.job.fence, number)
    shutil.rmtree(folder, ignore_errors=True)
    n_images = write_index([each.manifest for each in unrecorded.shards if each.number not in gone], folder)
    remote.send_tree(folder)
    with context.fenced() as session:
        for number in gone:
            shards.reopen(session, context.job.id, number)
        parts.replace_unrecorded(session, context.job.id, unrecorded, folder, n_images)
    return bool(gone)


def _is_whole(shard: FinishedShard) -> bool:
    """Whether the manifest of a shard is there, with a row for each of its items."""
    try:
        return sum(1 for _ in stream_manifest(shard.manifest)) == shard.n_items
    except OutputError:
        return False


class PartMerger:
    """Merges the parts of a job that this attempt owns."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._n_merged = 0

    def merge_due(self) -> None:
        """Merge parts while others are still to come, so that there are never many.

        Those that are lost are left for the end, where `record_lost` makes them again.
        """
        while (due := merging.due(self._parts())) and all(map(merging.is_whole, due)):
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
        remote.send_tree(folder)
        with self._context.fenced() as session:
            parts.replace(session, job.id, merged, folder)
        for part in merged:  # only now that no row points to them; who reads them asks anew
            storage.discard_folder(part.folder)


class ImageRecorder:
    """Records the images of a job that one attempt does alone, in the order in which they come."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._merger = PartMerger(context)
        self._waiting: list[ImageResult] = []
        self._n_parts = 0
        self._written_at = time.monotonic()
        with context.fenced() as session:
            parts.forget(session, context.job.id)  # those of an earlier attempt

    def add(self, scores: ImageScores) -> None:
        """Record an evaluated image, with some others before long."""
        self.add_result(ImageResult.of_scores(scores))

    def add_result(self, result: ImageResult) -> None:
        """Record an image, with some others before long."""
        self._waiting.append(result)
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
        remote.send_tree(folder)
        with self._context.fenced() as session:
            parts.add(session, self._context.job.id, folder, len(self._waiting))
        self._waiting = []
        self._written_at = time.monotonic()

    def _next_folder(self) -> Path:
        self._n_parts += 1
        return storage.part_dir(self._context.settings, self._context.job.id, self._context.job.fence, self._n_parts)
