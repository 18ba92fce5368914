"""`deeplab job logs`: the log of a job's latest attempt, as it grows."""

import time

import click

from deeplab.files import visible
from worker.client.jobs import Jobs

_POLL_SECONDS = 0.5


def print_log(jobs: Jobs, job_id: int, *, follow: bool, attempt: int | None = None) -> None:
    """Print the log of the latest attempt, or of another; with `follow`, also what is added until the job ends.

    Raises:
        JobNotFoundError: if there is no such job.
        NoSuchAttemptError: if the job has no attempt of that number.
    """
    fence = position = 0
    while True:
        job = jobs.show(job_id)  # asked before the log is read, so that nothing can follow what is printed
        if attempt is None and job.fence != fence:
            if fence:
                click.echo(f"--- attempt {job.fence} ---", err=True)
            fence, position = job.fence, 0
        position = _print_from(jobs, job_id, attempt or fence or None, position)
        if job.is_terminal or not follow or (attempt is not None and attempt != job.fence):
            break
        time.sleep(_POLL_SECONDS)
    if not (attempt or fence):
        click.echo(f"Job {job_id} ({job.state}) has no log, because it has not started.", err=True)


def _print_from(jobs: Jobs, job_id: int, attempt: int | None, position: int) -> int:
    """Copy a log from a position on to standard output, fit for a terminal; return the position of its end."""
    while True:
        part = jobs.read_log(job_id, attempt, position)
        click.echo(visible(part.log), nl=False)
        if part.until == position:
            return position
        position = part.until
