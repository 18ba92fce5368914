"""Segment jobs: one worker owns the job; it and any number of assistants take shards until none is left."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deeplab.errors import DeepLabError, NothingSegmentedError
from deeplab.formats import plural
from deeplab.inference.manifest import write_manifest
from deeplab.inference.output import manifest_path, require_unused, write_passed_over
from deeplab.inference.output_lock import locked_output
from worker.execution.kinds import JobContext
from worker.execution.kinds.inputs import require_inputs
from worker.execution.kinds.invitations import Invitations
from worker.execution.kinds.items import earlier_passed_over
from worker.execution.kinds.listing import Listing
from worker.execution.kinds.recording import PartMerger, record_lost
from worker.execution.kinds.shard_pump import ShardPump
from worker.execution.reporter import AliveFile
from worker.jobs import item_lists, shards, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership import pins
from worker.jobs.requests.specs import SegmentSpec
from worker.jobs.results.filters import Filter
from worker.jobs.results.manifest_rows import manifest_rows
from worker.jobs.results.opening import open_results
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings
from worker.jobs.shards import ShardCounts

_JUDGED_AFTER = 100  # items; the share of fewer that fails says little


class TooManyFailedError(DeepLabError):
    """A larger share of the images failed than the request allows."""

    def __init__(self, counts: ShardCounts, most: int, first: str) -> None:
        n_items = counts.n_ok + counts.n_error
        super().__init__(
            f"{counts.n_error:,} of {plural(n_items, 'file')} failed, more than the {most} % that max_failed allows;"
            f" the first: {first}"
        )


def run(context: JobContext) -> dict[str, Any]:
    """Own a segment job: list its items in shards, segment shards until all are done, and merge their results.

    Raises:
        InputChangedError: if something was exchanged since the job was submitted.
        OutputError: if somebody else fills the output folder.
        NothingSegmentedError: if every image failed, which other attempts would not change.
        TooManyFailedError: if more failed than the request allows.
    """
    require_inputs(context)
    spec = SegmentSpec.model_validate(context.job.spec)
    output = storage.output_dir(context.settings, context.job.id, spec.output)
    _write_for_others(context.settings, spec)
    require_unused(output)  # before a lock is put into somebody's folder
    holder = f"job {context.job.id} of {context.settings.home}"
    # Whoever holds it may be an attempt that has lost its lease, and is about to be ended.
    with locked_output(output, holder, patience=context.settings.lease_seconds):
        try:
            return _run(context, spec, output)
        except TooManyFailedError:
            _write_manifest(context, output)  # of what was done until then
            raise


def _run(context: JobContext, spec: SegmentSpec, output: Path) -> dict[str, Any]:
    settings, job = context.settings, context.job
    pump = ShardPump(settings, job, spec, str(job.owner), context.reporter.should_stop)
    merger, invitations = PartMerger(context), Invitations(context)

    def tidy(counts: ShardCounts) -> None:
        listing.check()
        _require_few_failed(context, spec, counts, at_least=_JUDGED_AFTER)
        invitations.send(counts)
        merger.merge_due()

    def report(done: int, counts: ShardCounts) -> None:
        context.reporter.progress(done, counts.work, counts.unit)

    with Listing(context, spec, output) as listing:
        record_lost(context)
        pump.run_all(report, tidy, listing.got_on)
    while record_lost(context):
        pump.run_all(report, tidy, listing.got_on)
    context.reporter.flush()  # also makes sure that the job is still ours
    merger.merge_all()
    return _conclude(context, spec, output)


def assist(settings: Settings, job: Job, owner: str, alive: AliveFile, should_stop: Callable[[], bool]) -> None:
    """Segment shards of a job that another worker owns, until none is free.

    Raises:
        Stopped: if the worker was told to stop.
    """
    pins.require_unchanged(settings, job)
    spec = SegmentSpec.model_validate(job.spec)
    _write_for_others(settings, spec)
    pump = ShardPump(settings, job, spec, owner, should_stop)
    pump.run_free(lambda _done: alive.touch())


def _write_for_others(settings: Settings, spec: SegmentSpec) -> None:
    """Give files the permissions that they have in a data root; those in the home are behind a closed door anyway."""
    if spec.output is not None and settings.output_umask is not None:
        os.umask(settings.output_umask)


def _require_few_failed(context: JobContext, spec: SegmentSpec, counts: ShardCounts, *, at_least: int) -> None:
    """Stop a job of which too many images fail."""
    n_items = counts.n_ok + counts.n_error
    if spec.max_failed is None or n_items < at_least or 100 * counts.n_error <= spec.max_failed * n_items:
        return
    first = next(open_results(context.settings, context.job).stream(Filter(status="error"), at_once=1))
    raise TooManyFailedError(counts, spec.max_failed, first.error)


def _conclude(context: JobContext, spec: SegmentSpec, output: Path) -> dict[str, Any]:
    """Write the manifest of a job that is through with all images, and sum them up."""
    results = _write_manifest(context, output)
    with open_session(context.settings, reads_only=True) as session:
        counts, listed = shards.counts(session, context.job.id), item_lists.find(session, context.job.id)
    passed_over = {**earlier_passed_over(context.settings, context.job.id), **(listed.passed_over if listed else {})}
    write_passed_over(output, passed_over)
    found = results.summarize()
    if found.n_good == 0:
        first = next(results.stream(Filter(), at_once=1))
        raise NothingSegmentedError(found.n_errors, first.error)
    _require_few_failed(context, spec, counts, at_least=0)
    videos = {"n_videos": found.n_good_videos, "n_frames": found.n_frames}
    return {
        "output": str(output),
        "n_ok": found.n_good,
        "n_error": found.n_errors,
        **videos,
        "passed_over": passed_over,
    }


def _write_manifest(context: JobContext, output: Path) -> Results:
    """Write a row for each image that is done; return the results, which have the same rows."""
    results = open_results(context.settings, context.job)
    write_manifest(manifest_path(output), manifest_rows(results))
    return results
