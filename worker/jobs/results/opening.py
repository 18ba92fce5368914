"""Open the results of a job, running or ended, of this version or an earlier one."""

from collections.abc import Sequence
from pathlib import Path

from deeplab import remote
from deeplab.inference.output import manifest_path
from worker.jobs import shards, storage
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.results import parts
from worker.jobs.results.indexing import index_manifests
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings


def open_results(settings: Settings, job: Job) -> Results:
    """Open what a job has recorded so far; empty if that is nothing.

    Raises:
        OutputError: if an earlier version ran the job and its manifest cannot be read.
    """
    return Results(settings, lambda: _list_folders(settings, job))


def _list_folders(settings: Settings, job: Job) -> Sequence[Path]:
    with open_session(settings, reads_only=True) as session:
        folders = [part.folder for part in parts.list_parts(session, job.id)]
        is_unindexed = not folders and job.kind == "segment" and job.is_terminal
        manifests = shards.manifests(session, job.id) if is_unindexed else []
    merged = manifest_path(storage.output_dir(settings, job.id, job.spec["output"])) if is_unindexed else None
    if merged is not None and job.state == SUCCEEDED and remote.is_file(merged):
        manifests = [merged]
    return [index_manifests(settings, job.id, manifests)] if manifests else folders
