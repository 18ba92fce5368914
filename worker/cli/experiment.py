"""`deeplab experiment`."""

import click

from worker.cli import completion
from worker.cli.options import number_option
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def experiment() -> None:
    """List and describe experiments: groups of jobs."""


@experiment.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only those with this in name, notes, tags or id.")
@number_option("--limit", default=50, text="At most this many.")
@json_option
def list_(search: str, limit: int, as_json: bool) -> None:
    """List experiments, newest first."""
    from worker.jobs import experiments

    with open_store() as session:
        found = experiments.list_experiments(session, search, limit=limit)
    if as_json:
        print_json(found)
    else:
        rows = [(each.id, each.name, each.n_jobs, " ".join(each.tags)) for each in found]
        print_table(("ID", "NAME", "JOBS", "TAGS"), rows, "No experiments found.")


@experiment.command()
@click.argument("experiment_id", metavar="ID", type=int, shell_complete=completion.experiments)
@json_option
def show(experiment_id: int, as_json: bool) -> None:
    """Show an experiment with its newest jobs."""
    from worker.cli.job.text import table_row
    from worker.jobs import experiments
    from worker.jobs.database import read_clock
    from worker.jobs.watching.job_list import JobFilter, list_jobs

    with open_store() as session:
        found = experiments.get(session, experiment_id)
        jobs = list_jobs(session, JobFilter(experiment=found.name))
        now = read_clock(session)
    if as_json:
        print_json({**vars(found), "jobs": jobs})
        return
    click.echo("\n".join(filter(None, [found.name, " ".join(found.tags), found.notes])) + "\n")
    headings = ("ID", "NAME", "KIND", "STATE", "DONE", "TOOK", "LEFT", "ERROR")
    print_table(headings, [table_row(each, now) for each in jobs], "No jobs in it.")


@experiment.command()
@click.argument("experiment_id", metavar="ID", type=int, shell_complete=completion.experiments)
@click.option("--name", metavar="TEXT", help="The new name.")
@click.option("--notes", metavar="TEXT", help='The new notes; "" removes them.')
@click.option("--tags", metavar="TEXT", help='The new tags, with spaces between; "" removes them.')
@json_option
def edit(experiment_id: int, name: str | None, notes: str | None, tags: str | None, as_json: bool) -> None:
    """Change the name, the notes or the tags of an experiment."""
    from worker.jobs import experiments

    if name is None and notes is None and tags is None:
        raise click.UsageError("Nothing to change: give --name, --notes, --tags or several of them.")
    with open_store(writes=True) as session:
        edited = experiments.change(session, experiment_id, name=name, notes=notes, tags=tags)
    if as_json:
        print_json(edited)
    else:
        click.echo(f"Experiment {edited.id} is called {edited.name!r}.")
