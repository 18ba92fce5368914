"""Segment jobs: one worker owns the job; it and any number of assistants take shards of images until none is left."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deeplab.files import write_text
from deeplab.formats import plural
from deeplab.images.listing import scan_folder
from deeplab.inference.manifest import Row, read_manifest, require_success, write_manifest
from deeplab.inference.output import manifest_path, write_passed_over
from worker.execution.kinds import JobContext
from worker.execution.kinds.recording import PartMerger
from worker.execution.kinds.shard_pump import ShardPump
from worker.execution.reporter import AliveFile
from worker.jobs import shards, storage, workers
from worker.jobs.broker import queue
from worker.jobs.broker.queue import BrokerUnreachableError
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


def run(context: JobContext) -> dict[str, Any]:
    """Own a segment job: split it into shards, segment shards until all are done, and merge their manifests.

    Raises:
        NothingSegmentedError: if every image failed, which other attempts would not change.
    """
    settings, job = context.settings, context.job
    spec = SegmentSpec.model_validate(job.spec)
    output = storage.output_dir(settings, job.id, spec.output)
    items = _list_items(context, Path(spec.input), output)
    with context.fenced() as session:
        shards.plan(session, job.id, len(items), settings.shard_images)
    _invite_assistants(context)
    pump = ShardPump(settings, job, spec, str(job.owner), items, context.reporter.should_stop)
    merger = PartMerger(context)
    pump.run_all(lambda done: context.reporter.progress(done, len(items), "image"), tidy=merger.merge_due)
    context.reporter.flush()  # also makes sure that the job is still ours
    merger.merge_all()
    _merge_manifests(settings, job, items, manifest_path(output))
    passed_over = _read_passed_over(settings, job)
    write_passed_over(output, passed_over)
    with open_session(settings, reads_only=True) as session:
        counts = shards.counts(session, job.id)
    if counts.n_ok == 0:
        require_success(manifest_path(output))
    return {"output": str(output), "n_ok": counts.n_ok, "n_error": counts.n_error, "passed_over": passed_over}


def assist(settings: Settings, job: Job, owner: str, alive: AliveFile, should_stop: Callable[[], bool]) -> None:
    """Segment shards of a job that another worker owns, until none is free.

    Raises:
        Stopped: if the worker was told to stop.
    """
    spec = SegmentSpec.model_validate(job.spec)
    pump = ShardPump(settings, job, spec, owner, _read_items(storage.items_path(settings, job.id)), should_stop)
    pump.run_free(lambda _done: alive.touch())


def _list_items(context: JobContext, input_dir: Path, output: Path) -> list[str]:
    """The job's images, listed once: shards are ranges of this list."""
    path = storage.items_path(context.settings, context.job.id)
    if not path.exists():
        listing = scan_folder(input_dir, exclude=output)
        write_text(storage.passed_over_path(context.settings, context.job.id), json.dumps(listing.passed_over))
        write_text(path, json.dumps(listing.paths))  # the last, for it says that both are there
    return _read_items(path)


def _read_items(path: Path) -> list[str]:
    items: list[str] = json.loads(path.read_text("utf-8"))
    return items


def _read_passed_over(settings: Settings, job: Job) -> dict[str, int]:
    path = storage.passed_over_path(settings, job.id)
    passed_over: dict[str, int] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return passed_over


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


def _merge_manifests(settings: Settings, job: Job, items: Sequence[str], path: Path) -> None:
    """Write the rows of all shards into one manifest, in the order of the items."""
    with open_session(settings, reads_only=True) as session:
        parts = shards.manifests(session, job.id)
    rows: dict[str, Row] = {row.path: row for part in parts for row in read_manifest(part)}
    write_manifest(path, (rows[item] for item in items))
