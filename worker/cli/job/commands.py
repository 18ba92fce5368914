"""`deeplab job`."""

from pathlib import Path
from typing import Any

import click

from worker.cli import completion
from worker.cli.job.filter_options import filter_options
from worker.cli.job.submit_commands import clone, retry, submit
from worker.cli.options import job_argument, number_option
from worker.cli.output import json_option, print_json, print_table
from worker.jobs.catalog import KINDS, STATES
from worker.jobs.exports.catalog import FORMATS


@click.group()
def job() -> None:
    """Submit and manage jobs."""


job.add_command(submit)
job.add_command(retry)
job.add_command(clone)


@job.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only jobs of this kind.")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--dataset", metavar="NAME", help="Only jobs on this dataset.", shell_complete=completion.datasets)
@click.option(
    "--experiment",
    metavar="NAME",
    help="Only jobs of this experiment.",
    shell_complete=completion.experiment_names,
)
@click.option("--user", metavar="NAME", help="Only jobs that this user submitted.")
@click.option("--search", default="", metavar="TEXT", help="Only jobs with this in name, notes, dataset, error or id.")
@click.option("--before", type=int, metavar="ID", help="Only jobs older than this one.")
@number_option("--limit", default=50, text="At most this many.")
@json_option
def list_(
    kind: str | None,
    state: str | None,
    dataset: str | None,
    experiment: str | None,
    user: str | None,
    search: str,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    import time

    from worker.cli.job.opening import open_jobs
    from worker.cli.job.text import table_row
    from worker.jobs.watching.job_list import JobFilter

    wanted = JobFilter(kind, state, dataset, search, user, experiment)
    with open_jobs() as jobs:
        found = jobs.list_jobs(wanted, before=before, limit=limit)
    if as_json:
        print_json(found)
    else:
        headings = ("ID", "NAME", "KIND", "STATE", "DONE", "TOOK", "LEFT", "ERROR")
        print_table(headings, [table_row(each, time.time()) for each in found], "No jobs found.")


@job.command()
@job_argument
@json_option
def show(job_id: int, as_json: bool) -> None:
    """Show a job: its request, error, progress, scores, checkpoints and events."""
    from worker.cli.job.opening import open_jobs
    from worker.cli.job.text import render_job

    with open_jobs() as jobs:
        found = jobs.show(job_id)
    if as_json:
        print_json(found)
    else:
        click.echo(render_job(found))


@job.command()
@job_argument
@click.option("--name", metavar="TEXT", help='The new name; "" removes it.')
@click.option("--notes", metavar="TEXT", help='The new notes; "" removes them.')
@click.option(
    "--experiment",
    metavar="TEXT",
    help='The experiment that it belongs to; "" takes it out of its own.',
    shell_complete=completion.experiment_names,
)
@click.option("--priority", type=int, metavar="N", help="The new priority of a queued job, from -10 to 10.")
@json_option
def edit(
    job_id: int,
    name: str | None,
    notes: str | None,
    experiment: str | None,
    priority: int | None,
    as_json: bool,
) -> None:
    """Change the name, the notes, the experiment or the priority of a job."""
    from worker.cli.job.opening import open_jobs

    given = {"name": name, "notes": notes, "experiment": experiment, "priority": priority}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("Nothing to change: give --name, --notes, --experiment, --priority or several of them.")
    with open_jobs() as jobs:
        edited = jobs.edit(job_id, changes)
    if as_json:
        print_json(edited)
    else:
        called = f"is called {edited.name!r}" if edited.name else "has no name"
        click.echo(f"Job {job_id} {called}{'' if priority is None else f', and has the priority {priority}'}.")


@job.command()
@job_argument
@click.option("--follow", "-f", is_flag=True, help="Keep printing until the job ends.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="The attempt, from 1 on; by default the latest.")
def logs(job_id: int, follow: bool, attempt: int | None) -> None:
    """Print the log of a job's latest attempt, or of an earlier one."""
    from worker.cli.job.log import print_log
    from worker.cli.job.opening import open_jobs

    with open_jobs() as jobs:
        print_log(jobs, job_id, follow=follow, attempt=attempt)


@job.command()
@job_argument
@json_option
def cancel(job_id: int, as_json: bool) -> None:
    """Cancel a queued or running job."""
    from worker.cli.job.opening import open_jobs

    with open_jobs() as jobs:
        asked = jobs.cancel(job_id)
    if as_json:
        print_json(asked)
    else:
        click.echo(
            f"Job {job_id} is cancelled."
            if asked.is_terminal
            else f"Job {job_id} is being cancelled; this takes a few seconds."
        )


@job.command()
@job_argument
@json_option
def pause(job_id: int, as_json: bool) -> None:
    """Put a job on hold.

    A running one saves a checkpoint and goes back to the queue, which does not count as an attempt.
    """
    from worker.cli.job.opening import open_jobs
    from worker.jobs.catalog import RUNNING

    with open_jobs() as jobs:
        paused = jobs.pause(job_id)
    if as_json:
        print_json(paused)
    else:
        running = paused.state == RUNNING
        click.echo(f"Job {job_id} is {'being paused; this takes a few seconds' if running else 'on hold'}.")


@job.command()
@job_argument
@json_option
def resume(job_id: int, as_json: bool) -> None:
    """Let a job that is on hold start."""
    from worker.cli.job.opening import open_jobs

    with open_jobs() as jobs:
        resumed = jobs.resume(job_id)
    if as_json:
        print_json(resumed)
    else:
        click.echo(f"Job {job_id} is {resumed.state} and no longer on hold.")


@job.command()
@job_argument
@click.option("--yes", is_flag=True, help="Delete it. Without this, only say what would be lost.")
@json_option
def delete(job_id: int, yes: bool, as_json: bool) -> None:
    """Delete a job that has ended, with its files.

    Refused while other jobs refer to its checkpoints, its logits or its failed images. What it wrote into an output
    folder that its request names stays.
    """
    from worker.cli.job.opening import open_jobs

    with open_jobs() as jobs:
        loss = jobs.delete(job_id) if yes else jobs.foresee_deletion(job_id)
    if as_json:
        print_json({"loss": loss, "deleted": yes})
    else:
        click.echo(f"{loss} Done." if yes else f"{loss} To do it: deeplab job delete {job_id} --yes")


@job.command()
@job_argument
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(tuple(FORMATS)),
    default="masks",
    show_default=True,
    help=f"What to write. {'; '.join(f'{name}: {title}' for name, title in FORMATS.items())}.",
)
@filter_options
@json_option
def export(job_id: int, out: Path, format_name: str, as_json: bool, **filters: Any) -> None:
    """Export the masks of a job into the folder OUT, or into the archive OUT if it ends in .zip.

    The other options choose the images: those that fulfil all that are given. A CLASS is its name or its number, P a
    percentage.
    """
    from worker.cli.job.export import export_job

    export_job(job_id, format_name, out, filters, as_json=as_json)
