"""The items of a segment job, images and videos, as its owner lists them once for all who work on it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from deeplab.files import write_text
from deeplab.inference.inputs import Inputs, count_frames, folder_of, list_inputs
from worker.execution.kinds import JobContext
from worker.jobs import jobs, storage
from worker.jobs.database import open_session
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.results.filters import Filter
from worker.jobs.results.opening import open_results
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Items:
    """What a segment job works on: shards are ranges of this list."""

    paths: Sequence[str]  # relative to the input folder
    n_frames: Mapping[str, int]  # of each video, about

    @property
    def unit(self) -> str:
        """What the work is counted in: images, or frames if there are videos; an image then counts as one frame."""
        return "frame" if self.n_frames else "image"

    @cached_property
    def work(self) -> Sequence[int]:
        """How much work each item is."""
        return [self.n_frames.get(path, 1) for path in self.paths]

    @property
    def total(self) -> int:
        """How much work all items are."""
        return self._work_before[-1]

    def work_of(self, first: int, last: int) -> int:
        """How much work the items [first, last) are."""
        return self._work_before[last] - self._work_before[first]

    @cached_property
    def _work_before(self) -> Sequence[int]:
        return list(accumulate(self.work, initial=0))


def list_items(context: JobContext, spec: SegmentSpec, output: Path) -> Items:
    """List the items of a job, unless an earlier attempt did."""
    settings, job_id, reporter = context.settings, context.job.id, context.reporter
    if not storage.items_path(settings, job_id).exists():
        inputs = _list_failed(settings, spec) or list_inputs(Path(spec.input), exclude=output)
        n_frames = count_frames(inputs.folder, inputs.items, spec.every, lambda: reporter.progress(0, 0, "frame"))
        write_text(storage.passed_over_path(settings, job_id), json.dumps(inputs.passed_over))
        write_text(storage.item_frames_path(settings, job_id), json.dumps(n_frames))
        write_text(
            storage.items_path(settings, job_id), json.dumps(inputs.items)
        )  # the last: it says that all are there
    return read_items(settings, job_id)


def _list_failed(settings: Settings, spec: SegmentSpec) -> Inputs | None:
    """What failed in the job that the request names; None if it names none."""
    if spec.only_failed_of is None:
        return None
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, spec.only_failed_of)
    failed = [image.item for image in open_results(settings, job).stream(Filter(status="error"))]
    return Inputs(folder_of(Path(spec.input)), failed, passed_over={})


def read_items(settings: Settings, job_id: int) -> Items:
    """Read what `list_items` has listed."""
    return Items(
        json.loads(storage.items_path(settings, job_id).read_text("utf-8")),
        _read_if_there(storage.item_frames_path(settings, job_id)),
    )


def read_passed_over(settings: Settings, job_id: int) -> dict[str, int]:
    """How many files of the input folder are of kinds that are not read, by kind."""
    return _read_if_there(storage.passed_over_path(settings, job_id))


def _read_if_there(path: Path) -> dict[str, Any]:
    """Read a JSON object; jobs that an earlier version began have no such file."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return content
