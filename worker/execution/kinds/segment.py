"""Segment jobs: one worker owns the job; it and any number of assistants take shards of images until none is left."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deeplab.images.listing import list_images
from deeplab.inference.manifest import Row, read_manifest, write_manifest
from deeplab.inference.output import manifest_path
from worker.execution.kinds import Attempt
from worker.execution.kinds.shard_pump import ShardPump
from worker.execution.reporter import Pulse
from worker.jobs import leases, shards, storage, workers
from worker.jobs.broker import queue
from worker.jobs.broker.queue import BrokerUnreachableError
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings
from worker.jobs.specs import SegmentSpec

_log = logging.getLogger(__name__)
_SHARD_SIZE = 64  # images: enough to make up for a claim, few enough for sharing


def run(attempt: Attempt) -> dict[str, Any]:
    """Own a segment job: split it, take shards, wait for those of others, and put the manifests together."""
    settings, job = attempt.settings, attempt.job
    spec = SegmentSpec.model_validate(job.spec)
    output = storage.output_dir(settings, job.id, spec.output)
    items = _list_items(attempt, Path(spec.input), output)
    with leases.fenced(settings, job.id, job.fence) as session:
        shards.plan(session, job.id, len(items), _SHARD_SIZE)
    _invite(attempt)
    pump = ShardPump(settings, job, spec, str(job.owner), items, attempt.reporter.should_stop)
    pump.run_all(lambda done: attempt.reporter.progress(done, len(items), "image"))
    attempt.reporter.flush()  # also makes sure that the job is still ours
    _merge_manifests(settings, job, items, manifest_path(output))
    with open_session(settings, reads_only=True) as session:
        counts = shards.counts(session, job.id)
    return {"output": str(output), "n_ok": counts.n_ok, "n_error": counts.n_error}


def assist(settings: Settings, job: Job, fence: int, owner: str, pulse: Pulse, should_stop: Callable[[], bool]) -> None:
    """Take shards of a job that another worker owns, until none is free.

    Raises:
        Stopped: if the worker was told to stop.
    """
    spec = SegmentSpec.model_validate(job.spec)
    pump = ShardPump(settings, job, spec, owner, _read_items(storage.items_path(settings, job.id)), should_stop)
    pump.run_free(lambda _done: pulse.beat())


def _list_items(attempt: Attempt, input_dir: Path, output: Path) -> list[str]:
    """The job's images, listed once: shards are ranges of this list."""
    path = storage.items_path(attempt.settings, attempt.job.id)
    if not path.exists():
        storage.write_text(path, json.dumps(list_images(input_dir, exclude=output)))
    return _read_items(path)


def _read_items(path: Path) -> list[str]:
    items: list[str] = json.loads(path.read_text("utf-8"))
    return items


def _invite(attempt: Attempt) -> None:
    """Send the job's number to other slots of its queue's workers, as many as there are shards for."""
    settings, job = attempt.settings, attempt.job
    with open_session(settings, reads_only=True) as session:
        n_open = shards.counts(session, job.id).n_open
        alive = [worker for worker in workers.list_workers(session) if worker.alive and worker.queue == job.queue]
    attempt.add_event(f"{n_open} {'shard' if n_open == 1 else 'shards'} to do")
    for _ in range(min(sum(worker.slots for worker in alive), n_open) - 1):
        try:
            queue.publish(settings, job)
        except BrokerUnreachableError as error:
            _log.warning("Nobody is invited to help: %s", error)
            return


def _merge_manifests(settings: Settings, job: Job, items: Sequence[str], path: Path) -> None:
    """Write the rows of all shards into one manifest, in the order of the items."""
    with open_session(settings, reads_only=True) as session:
        parts = shards.manifests(session, job.id)
    rows: dict[str, Row] = {row.path: row for part in parts for row in read_manifest(part)}
    write_manifest(path, (rows[item] for item in items))
