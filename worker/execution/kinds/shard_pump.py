"""Segment shards of a segment job one after the other, each under its own fence.

Several owners pump the same job at once. A shard whose lease runs out is taken by another one with a higher fence; what
the first one still writes goes to a manifest of its own fence, which no row points to.
"""

import logging
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from deeplab.config import parse_config
from deeplab.files import flush_to_disk
from deeplab.inference.folder import Summary, segment_items
from deeplab.inference.inputs import folder_of
from deeplab.inference.manifest import Row, read_manifest
from deeplab.inference.output import prepare_output
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.videos import VideoOptions
from deeplab.reporter import SilentReporter, Stopped
from worker.execution.kinds import weights_path
from worker.execution.kinds.items import Items
from worker.jobs import shards, storage
from worker.jobs.database import open_session, retry_for
from worker.jobs.jobs import Job
from worker.jobs.log_fields import name_process
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.results import parts
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings
from worker.jobs.shards import Shard, ShardLostError

T = TypeVar("T")

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.5  # between two looks at the shards that others hold


class ShardPump:
    """Segments shards under the name of one owner."""

    def __init__(
        self,
        settings: Settings,
        job: Job,
        spec: SegmentSpec,
        owner: str,
        items: Items,
        should_stop: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._job = job
        self._spec = spec
        self._owner = owner
        self._items = items
        self._output = storage.output_dir(settings, job.id, spec.output)
        self._should_stop = should_stop

    def run_all(self, report: Callable[[int], None], tidy: Callable[[], None]) -> None:
        """Segment shards until all are done, by this owner or others; `report` hears how much of the job's work is.

        `tidy` is called between shards, and now and then while others are at work.

        Raises:
            Stopped: when asked to stop.
        """
        finished = _Recount(self._count_finished)
        while True:
            report(finished.recount())
            tidy()
            shard = self._claim()
            if shard is not None:
                self._segment(shard, lambda done: report(finished.recent() + done))
            elif self._all_done():
                report(self._items.total)
                return
            else:
                time.sleep(_POLL_SECONDS)  # others are at work; should they die, their shards become free

    def run_free(self, report: Callable[[int], None]) -> None:
        """Segment shards until none is free; `report` hears how much of the current one's work is done.

        Raises:
            Stopped: when asked to stop.
        """
        while (shard := self._claim()) is not None:
            self._segment(shard, report)

    @cached_property
    def _segmenter(self) -> Segmenter:
        """The model, built for the first shard. Makes the output folder, or checks that it fits."""
        config = parse_config(self._job.config, f"job {self._job.id}")
        path = weights_path(self._settings, self._spec.checkpoint_ref)
        segmenter = Segmenter.from_checkpoint(config, path, self._spec.device, crf=self._spec.crf)
        run = {**segmenter.settings(), **self._videos.settings()}
        prepare_output(self._output, Path(self._spec.input), run, segmenter.class_names)
        return segmenter

    @property
    def _videos(self) -> VideoOptions:
        return VideoOptions(self._spec.video_output, self._spec.every)

    def _claim(self) -> Shard | None:
        if self._should_stop():
            raise Stopped
        return self._ask(lambda session: shards.claim(session, self._job.id, self._owner, self._settings.lease_seconds))

    def _segment(self, shard: Shard, report: Callable[[int], None]) -> None:
        """Segment the items of a shard that no earlier claim of it has finished."""
        name_process(shard=shard.number)
        _log.info("Shard %d: items %d to %d.", shard.number, shard.first + 1, shard.last)
        manifest = storage.shard_manifest_path(self._settings, self._job.id, self._job.fence, shard.number, shard.fence)
        summary = segment_items(
            self._segmenter,
            folder_of(Path(self._spec.input)),
            self._output,
            self._items.paths[shard.first : shard.last],
            manifest,
            _ShardReporter(report, self._should_stop),
            done=self._earlier_rows(shard),
            overlays=self._spec.overlays,
            confidence=self._spec.confidence,
            batch_size=self._spec.batch_size,
            videos=self._videos,
            n_frames=self._items.n_frames,
        )
        flush_to_disk(manifest)
        self._finish(shard, manifest, summary)
        name_process(shard=None)

    def _earlier_rows(self, shard: Shard) -> Iterable[Row]:
        """The good rows of all earlier claims of a shard."""
        rows: dict[str, Row] = {}
        for path in storage.shard_manifests(self._settings, self._job.id, shard.number):
            rows |= {row.path: row for row in read_manifest(path) if row.status == "ok"}
        return rows.values()

    def _finish(self, shard: Shard, manifest: Path, summary: Summary) -> None:
        n_ok = summary.n_ok + summary.n_skipped
        rows = read_manifest(manifest)
        part = storage.shard_part_dir(self._settings, self._job.id, self._job.fence, shard.number, shard.fence)
        write_part(part, [ImageResult.of_row(row) for row in rows])

        def finish(session: Session) -> None:
            shards.finish(session, shard, manifest, n_ok, summary.n_error)
            parts.add(session, self._job.id, part, len(rows))

        try:
            self._ask(finish)
        except ShardLostError as error:
            _log.warning("%s", error)

    def _count_finished(self) -> int:
        finished = self._ask(lambda session: shards.finished(session, self._job.id))
        return sum(self._items.work_of(first, last) for first, last in finished)

    def _all_done(self) -> bool:
        return self._ask(lambda session: shards.counts(session, self._job.id)).n_open == 0

    def _ask(self, question: Callable[[Session], T]) -> T:
        """Use the database in a transaction of its own; while it cannot be reached, retry as long as a lease lasts."""

        def ask() -> T:
            with open_session(self._settings) as session:
                return question(session)

        return retry_for(ask, self._settings.lease_seconds)


class _Recount:
    """A count that is taken again when it is older than a second."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self.recount()

    def recount(self) -> int:
        self._number, self._counted_at = self._count(), time.monotonic()
        return self._number

    def recent(self) -> int:
        return self._number if time.monotonic() < self._counted_at + 1 else self.recount()


class _ShardReporter(SilentReporter):
    """Reports the progress within one shard."""

    def __init__(self, report: Callable[[int], None], should_stop: Callable[[], bool]) -> None:
        self._report = report
        self._should_stop = should_stop

    def progress(self, done: int, total: int, unit: str) -> None:
        self._report(done)

    def should_stop(self) -> bool:
        return self._should_stop()
