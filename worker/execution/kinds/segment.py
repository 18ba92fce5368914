"""Segment jobs: one worker owns the job; it and any number of assistants take shards until none is left."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deeplab.errors import NothingSegmentedError
from deeplab.formats import plural
from deeplab.inference.manifest import Row, write_manifest
from deeplab.inference.output import manifest_path, require_unused, write_passed_over
from deeplab.inference.output_lock import locked_output
from deeplab.scores.image_scores import Certainty
from worker.execution.kinds import JobContext
from worker.execution.kinds.inputs import require_inputs
from worker.execution.kinds.items import list_items, read_items, read_passed_over
from worker.execution.kinds.recording import PartMerger, record_earlier
from worker.execution.kinds.shard_pump import ShardPump
from worker.execution.reporter import AliveFile
from worker.jobs import shards, storage, workers
from worker.jobs.broker import queue
from worker.jobs.broker.queue import BrokerUnreachableError
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership import pins
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.results.filters import Filter
from worker.jobs.results.opening import open_results
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


def run(context: JobContext) -> dict[str, Any]:
    """Own a segment job: split it into shards, segment shards until all are done, and merge their results.

    Raises:
        InputChangedError: if something was exchanged since the job was submitted.
        OutputError: if somebody else fills the output folder.
        NothingSegmentedError: if every image failed, which other attempts would not change.
    """
    require_inputs(context)
    spec = SegmentSpec.model_validate(context.job.spec)
    output = storage.output_dir(context.settings, context.job.id, spec.output)
    _write_for_others(context.settings, spec)
    require_unused(output)  # before a lock is put into somebody's folder
    holder = f"job {context.job.id} of {context.settings.home}"
    # Whoever holds it may be an attempt that has lost its lease, and is about to be ended.
    with locked_output(output, holder, patience=context.settings.lease_seconds):
        return _run(context, spec, output)


def _run(context: JobContext, spec: SegmentSpec, output: Path) -> dict[str, Any]:
    settings, job = context.settings, context.job
    items = list_items(context, spec, output)
    with context.fenced() as session:
        shards.plan(session, job.id, len(items.paths), settings.shard_images, items.work)
    record_earlier(context)
    _invite_assistants(context)
    pump = ShardPump(settings, job, spec, str(job.owner), items, context.reporter.should_stop)
    merger = PartMerger(context)
    pump.run_all(lambda done: context.reporter.progress(done, items.total, items.unit), tidy=merger.merge_due)
    context.reporter.flush()  # also makes sure that the job is still ours
    merger.merge_all()
    results = open_results(settings, job)
    write_manifest(manifest_path(output), _rows(results))
    passed_over = read_passed_over(settings, job.id)
    write_passed_over(output, passed_over)
    found = results.summarize()
    n_ok = found.n_images - found.n_errors
    if n_ok == 0:
        first = next(results.stream(Filter(), at_once=1))
        raise NothingSegmentedError(found.n_errors, first.error)
    videos = {"n_videos": found.n_good_videos, "n_frames": found.n_frames}
    return {"output": str(output), "n_ok": n_ok, "n_error": found.n_errors, **videos, "passed_over": passed_over}


def assist(settings: Settings, job: Job, owner: str, alive: AliveFile, should_stop: Callable[[], bool]) -> None:
    """Segment shards of a job that another worker owns, until none is free.

    Raises:
        Stopped: if the worker was told to stop.
    """
    pins.require_unchanged(settings, job)
    spec = SegmentSpec.model_validate(job.spec)
    _write_for_others(settings, spec)
    pump = ShardPump(settings, job, spec, owner, read_items(settings, job.id), should_stop)
    pump.run_free(lambda _done: alive.touch())


def _write_for_others(settings: Settings, spec: SegmentSpec) -> None:
    """Give files the permissions that they have in a data root; those in the home are behind a closed door anyway."""
    if spec.output is not None and settings.output_umask is not None:
        os.umask(settings.output_umask)


def _invite_assistants(context: JobContext) -> None:
    """Publish the job again, once for every other slot of its queue's workers that could have a shard."""
    settings, job = context.settings, context.job
    with open_session(settings, reads_only=True) as session:
        n_open = shards.counts(session, job.id).n_open
        alive = [worker for worker in workers.list_workers(session) if worker.alive and worker.queue == job.queue]
    context.add_event(f"{plural(n_open, 'shard')} to do")
    for _ in range(min(sum(worker.slots for worker in alive), n_open) - 1):
        try:
            queue.publish(settings, job)
        except BrokerUnreachableError as error:
            _log.warning("No other worker was invited to help: %s", error)
            return


def _rows(results: Results) -> Iterator[Row]:
    """The rows of the manifest, in the order of the items."""
    for image, classes in results.stream_with_classes(Filter()):
        sure = {each.index: each.confidence for each in classes if each.confidence is not None}
        yield Row(
            path=image.item,
            width=image.width,
            height=image.height,
            status="ok" if image.status == "ok" else "error",
            error=image.error,
            seconds=image.seconds,
            pixels={each.index: each.pixels for each in sorted(classes, key=lambda each: each.index)},
            frames=image.frames,
            certainty=None if image.confidence is None else Certainty(image.confidence, sure, None, {}),
        )
