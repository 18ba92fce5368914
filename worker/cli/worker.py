"""`deeplab worker`."""

import click

from deeplab.errors import DeepLabError
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store
from worker.jobs.catalog import QUEUES


@click.group()
def worker() -> None:
    """Start, check and list workers."""


@worker.command()
@click.option("--queue", type=click.Choice(QUEUES), required=True, help="Queue to take jobs from.")
@click.option(
    "--concurrency", type=click.IntRange(1), metavar="N", help="Jobs to run at a time.  [default: one per GPU, or one]"
)
@click.option(
    "--name",
    help="Name of the worker.  [default: queue and host, such as gpu@host; gpu-2@host for a second worker]",
)
def start(queue: str, concurrency: int | None, name: str | None) -> None:
    """Start a worker; Ctrl-C stops it.

    The gpu queue holds train, evaluate and segment jobs, which run on the CPU if there is no GPU, and crf jobs with
    --device cuda. The cpu queue holds all other crf jobs.
    """
    from worker.execution.celery_worker import run_worker
    from worker.jobs.data_roots import warn_of_roots
    from worker.jobs.home import close_home
    from worker.jobs.settings import load_settings

    settings = close_home(load_settings())
    warn_of_roots(settings, writes=True)
    raise SystemExit(run_worker(settings, queue, concurrency, name))


@worker.command()
@click.option("--queue", type=click.Choice(QUEUES), required=True, help="Queue of the worker.")
def check(queue: str) -> None:
    """Check that a worker on this machine is alive.

    The exit code is 1 if none is, for health checks.
    """
    import socket

    from worker.jobs import workers

    host = socket.gethostname()
    with open_store() as session:
        found = workers.list_alive(session, queue)
    if not any(each.name.endswith(f"@{host}") for each in found):
        raise DeepLabError(f"No live worker serves the {queue} queue on {host}.")
    click.echo(f"A live worker serves the {queue} queue on {host}.")


@worker.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List workers, live ones first."""
    from worker.jobs import workers

    with open_store() as session:
        found = workers.list_workers(session)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.queue, "alive" if each.alive else "gone", each.device, each.pid) for each in found]
    print_table(("NAME", "QUEUE", "STATE", "DEVICE", "PROCESS"), rows, "No workers found.")
