"""Segment jobs: one worker owns the job; it and any number of assistants take shards until none is left."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deeplab.formats import plural
from deeplab.inference.manifest import Row, read_manifest, require_success, write_manifest
from deeplab.inference.output import manifest_path, write_passed_over
from worker.execution.kinds import JobContext
from worker.execution.kinds.items import Items, list_items, read_items, read_passed_over
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
    items = list_items(context, spec, output)
    with context.fenced() as session:
        shards.plan(session, job.id, len(items.paths), settings.shard_images, items.work)
    _invite_assistants(context)
    pump = ShardPump(settings, job, spec, str(job.owner), items, context.reporter.should_stop)
    merger = PartMerger(context)
    pump.run_all(lambda done: context.reporter.progress(done, items.total, items.unit), tidy=merger.merge_due)
    context.reporter.flush()  # also makes sure that the job is still ours
    merger.merge_all()
    frames = _merge_manifests(settings, job, items, manifest_path(output))
    passed_over = read_passed_over(settings, job.id)
    write_passed_over(output, passed_over)
    with open_session(settings, reads_only=True) as session:
        counts = shards.counts(session, job.id)
    if counts.n_ok == 0:
        require_success(manifest_path(output))
    found = {"n_ok": counts.n_ok, "n_error": counts.n_error, "n_videos": len(frames), "n_frames": sum(frames)}
    return {"output": str(output), **found, "passed_over": passed_over}


def assist(settings: Settings, job: Job, owner: str, alive: AliveFile, should_stop: Callable[[], bool]) -> None:
    """Segment shards of a job that another worker owns, until none is free.

    Raises:
        Stopped: if the worker was told to stop.
    """
    spec = SegmentSpec.model_validate(job.spec)
    pump = ShardPump(settings, job, spec, owner, read_items(settings, job.id), should_stop)
    pump.run_free(lambda _done: alive.touch())


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


def _merge_manifests(settings: Settings, job: Job, items: Items, path: Path) -> list[int]:
    """Write the rows of all shards into one manifest, in the order of the items; return the frames of good videos."""
    with open_session(settings, reads_only=True) as session:
        parts = shards.manifests(session, job.id)
    rows: dict[str, Row] = {row.path: row for part in parts for row in read_manifest(part)}
    write_manifest(path, (rows[item] for item in items.paths))
    return [row.frames for row in rows.values() if row.status == "ok" and row.frames is not None]
