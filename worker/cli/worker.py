"""`deeplab worker`."""

import click

from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def worker() -> None:
    """Start and list the processes that run jobs."""


@worker.command()
@click.option("--queue", type=click.Choice(["gpu", "cpu"]), required=True, help="Which jobs it runs.")
@click.option("--concurrency", type=click.IntRange(1), help="Jobs at the same time.  [default: one per GPU, or one]")
@click.option("--name", help="Its name.  [default: made from the queue and this machine]")
def start(queue: str, concurrency: int | None, name: str | None) -> None:
    """Run a worker in the foreground until Ctrl-C.

    The queue gpu has the jobs that run a network: train, evaluate and segment. They use the processor where
    there is no GPU. The queue cpu has the crf jobs.
    """
    from worker.execution.celery_worker import run_worker
    from worker.jobs.settings import load_settings

    raise SystemExit(run_worker(load_settings(), queue, concurrency, name))


@worker.command()
@click.option("--queue", type=click.Choice(["gpu", "cpu"]), required=True, help="Which jobs it runs.")
def check(queue: str) -> None:
    """Tell by the exit code whether a worker of this machine is alive, for health checks."""
    import socket

    from deeplab.errors import DeepLabError
    from worker.jobs import workers

    host = socket.gethostname()
    with open_store() as session:
        found = [each for each in workers.list_workers(session) if each.queue == queue and each.alive]
    if not any(each.name.endswith(f"@{host}") for each in found):
        raise DeepLabError(f"No worker of the queue {queue} is alive on {host}.")
    click.echo(f"A worker of the queue {queue} is alive on {host}.")


@worker.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the workers, those that are alive first."""
    from worker.jobs import workers

    with open_store() as session:
        found = workers.list_workers(session)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.queue, "alive" if each.alive else "gone", each.device, each.pid) for each in found]
    print_table(("NAME", "QUEUE", "STATE", "DEVICE", "PROCESS"), rows, "No worker was started yet.")
