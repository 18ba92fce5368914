"""`deeplab job logs`: the log of a job's latest attempt, as it grows."""

import codecs
import time
from pathlib import Path

import click

from deeplab import remote
from deeplab.errors import DeepLabError
from deeplab.files import visible
from deeplab.formats import plural
from worker.cli.store import open_store
from worker.jobs import jobs, storage
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

_POLL_SECONDS = 0.5


class NoSuchAttemptError(DeepLabError):
    """A job has no attempt of that number."""

    def __init__(self, job: Job, attempt: int) -> None:
        super().__init__(f"Job {job.id} has no attempt {attempt}; it has {plural(job.fence, 'attempt')}.")


def print_log(settings: Settings, job_id: int, *, follow: bool, attempt: int | None = None) -> None:
    """Print the log of the latest attempt, or of another; with `follow`, also what is added until the job ends.

    Raises:
        JobNotFoundError: if there is no such job.
        NoSuchAttemptError: if the job has no attempt of that number.
    """
    job = _read(settings, job_id)
    if attempt is not None and attempt != job.fence:
        if attempt > job.fence:
            raise NoSuchAttemptError(job, attempt)
        _print_from(storage.log_path(settings, job_id, attempt), 0)
        return
    fence = position = 0
    while True:
        ended = job.is_terminal  # asked before the log is read, so that nothing can follow what is printed
        if job.fence != fence:
            if fence:
                click.echo(f"--- attempt {job.fence} ---", err=True)
            fence, position = job.fence, 0
        if fence:
            position = _print_from(storage.log_path(settings, job_id, fence), position)
        if ended or not follow:
            break
        time.sleep(_POLL_SECONDS)
        job = _read(settings, job_id)
    if not fence:
        click.echo(f"Job {job_id} ({job.state}) has no log, because it has not started.", err=True)


def _read(settings: Settings, job_id: int) -> Job:
    with open_store(settings) as session:
        return jobs.get(session, job_id)


def _print_from(log: Path, position: int) -> int:
    """Copy a log from a position on to standard output, fit for a terminal; return the position of its end."""
    if not remote.is_file(log):
        return position
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    with remote.fetch(log).open("rb") as file:
        file.seek(position)
        while block := file.read(1 << 16):
            click.echo(visible(decoder.decode(block)), nl=False)
        click.echo(visible(decoder.decode(b"", final=True)), nl=False)
        return file.tell()
