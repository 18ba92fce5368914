"""List the items of a segment job: some at once, and the others while the first shards are segmented."""

import logging
import threading
import time
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from deeplab.files import make_folder
from deeplab.images.listing import PassedOver
from deeplab.images.walk import Found
from deeplab.inference.inputs import count_frames_of, folder_of, nothing_to_segment, walk_inputs
from deeplab.video.kinds import is_video
from worker.execution.kinds import JobContext
from worker.execution.kinds.items import earlier_items, earlier_passed_over
from worker.jobs import item_lists, jobs, storage
from worker.jobs.database import open_session, retry_for
from worker.jobs.item_lists import Item, read_chunk, write_chunk
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.results.filters import Filter
from worker.jobs.results.opening import open_results

_log = logging.getLogger(__name__)
_FIRST_CHUNK = 1_000  # items, for which the first shard waits
_CHUNK = 10_000  # items of the others ...
_SECONDS = 2.0  # ... or those that were found in so long, so that work begins soon on slow disks
_TICKS = 512  # names between two signs of life


class Listing:
    """The list of a job that this attempt owns, on which it goes on where an earlier attempt was interrupted.

    In a `with` block, which begins with the first chunk and leaves the others to a thread.

    Raises:
        DatasetError: if there is nothing to segment.
        LeaseLostError: if the attempt no longer owns the job.
    """

    def __init__(self, context: JobContext, spec: SegmentSpec, output: Path) -> None:
        self._context = context
        self._spec = spec
        self._output = output
        self._folder = folder_of(Path(spec.input))
        self._thread = threading.Thread(target=self._list_rest, name="listing", daemon=True)
        self._stopped = threading.Event()
        self._error: Exception | None = None
        self._n_seen = 0
        self._n_seen_before = 0

    def __enter__(self) -> Self:
        with self._context.fenced() as session:
            found = item_lists.find(session, self._context.job.id)
            if found is None:
                item_lists.begin(session, self._context.job.id)
        if found is None or not found.complete:
            self._n_items = found.n_items if found else 0
            self._passed_over = PassedOver(found.passed_over if found else self._earlier_passed_over())
            self._source = self._find()
            if self._list_chunk():
                self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Raise what has ended the listing, if something did."""
        if self._error is not None:
            raise self._error

    def got_on(self) -> bool:
        """Whether the listing has got on since the last call."""
        before, self._n_seen_before = self._n_seen_before, self._n_seen
        return self._n_seen_before != before

    def _list_rest(self) -> None:
        try:
            while not self._stopped.is_set() and self._list_chunk():
                pass
        except Exception as error:
            self._error = error

    def _list_chunk(self) -> bool:
        """List the items of the next chunk; whether there may be more."""
        items: list[Item] = []
        due = time.monotonic() + _SECONDS
        most = _CHUNK if self._n_items else _FIRST_CHUNK
        for found in self._source:
            self._tick()
            if found.what != "wanted":
                self._passed_over.add(found)
                continue
            items.append(self._look_at(found.path))
            if len(items) == most or time.monotonic() > due:
                self._add(items, complete=False)
                return True
            if self._stopped.is_set():  # what was found since the last chunk is found again by the next attempt
                return False
        self._add(items, complete=True)
        return False

    def _add(self, items: list[Item], *, complete: bool) -> None:
        """Write a chunk, and add it to the list."""
        settings, job = self._context.settings, self._context.job
        if not items and not self._n_items:
            raise nothing_to_segment(Path(self._spec.input), self._passed_over.by_kind())
        path = storage.items_chunk_path(settings, job.id, job.fence, self._n_items)
        cuts = write_chunk(path, items, settings.shard_images) if items else []

        def add(session: Session) -> None:
            if cuts:
                name = storage.chunk_name(settings, job.id, path)
                has_videos = any(item.frames is not None for item in items)
                item_lists.extend(session, job.id, name, cuts, has_videos=has_videos)
            item_lists.set_passed_over(session, job.id, self._passed_over.by_kind(), complete=complete)

        def commit() -> None:
            with self._context.fenced() as session:
                add(session)

        retry_for(commit, settings.lease_seconds)
        self._n_items += len(items)
        _log.info("Listed %d files%s.", self._n_items, "" if complete else " so far")

    def _look_at(self, path: str) -> Item:
        file = self._folder / path
        try:
            status = file.stat()
        except OSError:  # its row will say why
            return Item(path, frames=1 if is_video(path) else None)
        frames = count_frames_of(file, self._spec.every) if is_video(path) else None
        return Item(path, status.st_size, status.st_mtime, frames)

    def _find(self) -> Iterator[Found]:
        """What is to be listed, behind what already is."""
        after = self._last_listed()
        listed = (item.path for item in earlier_items(self._context.settings, self._context.job.id))
        if (first := next(listed, None)) is not None:
            return _behind(after, iter([first, *listed]))
        if self._spec.only_failed_of is not None:
            return _behind(after, self._failed(self._spec.only_failed_of))
        make_folder(self._output)  # so that it can be told from others where it lies within the input
        return walk_inputs(Path(self._spec.input), exclude=self._output, after=after, tick=self._tick)

    def _last_listed(self) -> str | None:
        settings, job_id = self._context.settings, self._context.job.id
        with open_session(settings, reads_only=True) as session:
            last = item_lists.find_last_cut(session, job_id)
        if last is None:
            return None
        chunk, cut = last
        return read_chunk(storage.items_chunk(settings, job_id, chunk), cut.offset, cut.n_items)[-1].path

    def _failed(self, job_id: int) -> Iterator[str]:
        """What failed in the job that the request names."""
        with open_session(self._context.settings, reads_only=True) as session:
            job = jobs.get(session, job_id)
        return (image.item for image in open_results(self._context.settings, job).stream(Filter(status="error")))

    def _earlier_passed_over(self) -> dict[str, int]:
        return earlier_passed_over(self._context.settings, self._context.job.id)

    def _tick(self) -> None:
        """Count a name, and show signs of life; the thread leaves these to whoever watches it."""
        self._n_seen += 1
        if self._n_seen % _TICKS == 0 and not self._thread.is_alive():
            self._context.reporter.progress(0, 0, "image")


def _behind(after: str | None, paths: Iterator[str]) -> Iterator[Found]:
    if after is not None:
        paths = dropwhile(lambda path: path != after, paths)
        next(paths, None)
    return (Found(path, "wanted") for path in paths)
