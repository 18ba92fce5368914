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
from deeplab.errors import OutputError
from deeplab.files import flush_to_disk
from deeplab.inference.folder import Summary, segment_items
from deeplab.inference.inputs import folder_of
from deeplab.inference.manifest import Row, read_manifest
from deeplab.inference.output import prepare_output
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.videos import VideoOptions
from deeplab.reporter import SilentReporter, Stopped
from worker.execution.kinds import weights_path
from worker.execution.kinds.items import find_changed, read_items
from worker.jobs import shards, storage
from worker.jobs.database import open_session, retry_for
from worker.jobs.jobs import Job
from worker.jobs.log_fields import name_process
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.results import parts
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings
from worker.jobs.shards import Shard, ShardCounts, ShardLostError

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
        should_stop: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._job = job
        self._spec = spec
        self._owner = owner
        self._output = storage.output_dir(settings, job.id, spec.output)
        self._should_stop = should_stop

    def run_all(
        self,
        report: Callable[[int, ShardCounts], None],
        tidy: Callable[[ShardCounts], None],
        others: Callable[[], bool],
    ) -> None:
        """Segment shards until all are done, by this owner or others.

        Args:
            report: hears how much of the job's work is done, and what is known of it.
            tidy: called between shards, and now and then while there is none to take.
            others: whether something else than the workers that hold shards has got on since the last call.

        Raises:
            Stopped: when asked to stop.
        """
        known = _Recount(self._counts)
        waits = False
        while True:
            counts = known.recount()
            if not waits or self._others_at_work() or others():
                report(counts.work_done, counts)
            tidy(counts)
            shard = self._claim()
            waits = shard is None
            if shard is not None:
                self._segment(shard, lambda done: report(known.recent().work_done + done, known.recent()))
            elif (counts := self._counts()).all_done:
                report(counts.work, counts)
                return
            else:
                time.sleep(_POLL_SECONDS)  # others are at work; should they die, their shards become free

    def run_free(self, report: Callable[[int], None]) -> None:
        """Segment shards until none is free and none is to come; `report` hears how much of the current one is done.

        Raises:
            Stopped: when asked to stop.
        """
        while True:
            # Looked at before the claim: what was listed meanwhile is not missed.
            complete = self._counts().complete
            shard = self._claim()
            if shard is not None:
                self._segment(shard, report)
            elif complete:
                return
            else:
                report(0)
                time.sleep(_POLL_SECONDS)

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
        items = read_items(self._settings, shard)
        folder = folder_of(Path(self._spec.input))
        summary = segment_items(
            self._segmenter,
            folder,
            self._output,
            [item.path for item in items],
            manifest,
            _ShardReporter(report, self._should_stop),
            done=self._earlier_rows(shard),
            overlays=self._spec.overlays,
            confidence=self._spec.confidence,
            batch_size=self._spec.batch_size,
            videos=self._videos,
            n_frames={item.path: item.frames for item in items if item.frames is not None},
            refused=find_changed(folder, items),
        )
        flush_to_disk(manifest)
        self._finish(shard, manifest, summary)
        name_process(shard=None)

    def _earlier_rows(self, shard: Shard) -> Iterable[Row]:
        """The good rows of all earlier claims of a shard."""
        rows: dict[str, Row] = {}
        earlier = storage.earlier_shard_manifests(
            self._settings, self._job.id, self._job.fence, shard.number, shard.fence
        )
        for path in earlier:
            try:
                rows |= {row.path: row for row in read_manifest(path) if row.status == "ok"}
            except OutputError as error:  # its images are done again
                _log.warning("%s", error)
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

    def _counts(self) -> ShardCounts:
        return self._ask(lambda session: shards.counts(session, self._job.id))

    def _others_at_work(self) -> bool:
        return self._ask(lambda session: shards.others_at_work(session, self._job.id, self._owner))

    def _ask(self, question: Callable[[Session], T]) -> T:
        """Use the database in a transaction of its own; while it cannot be reached, retry as long as a lease lasts."""

        def ask() -> T:
            with open_session(self._settings) as session:
                return question(session)

        return retry_for(ask, self._settings.lease_seconds)


class _Recount:
    """Counts that are taken again when they are older than a second."""

    def __init__(self, count: Callable[[], ShardCounts]) -> None:
        self._count = count
        self.recount()

    def recount(self) -> ShardCounts:
        self._counts, self._counted_at = self._count(), time.monotonic()
        return self._counts

    def recent(self) -> ShardCounts:
        return self._counts if time.monotonic() < self._counted_at + 1 else self.recount()


class _ShardReporter(SilentReporter):
    """Reports the progress within one shard."""

    def __init__(self, report: Callable[[int], None], should_stop: Callable[[], bool]) -> None:
        self._report = report
        self._should_stop = should_stop

    def progress(self, done: int, total: int, unit: str) -> None:
        self._report(done)

    def should_stop(self) -> bool:
        return self._should_stop()
