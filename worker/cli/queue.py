"""`deeplab queue`."""

import click

from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store
from worker.jobs.catalog import QUEUES

_NAME = click.argument("name", metavar="NAME", type=click.Choice(QUEUES))


@click.group()
def queue() -> None:
    """Pause and resume the queues."""


@queue.command()
@_NAME
def pause(name: str) -> None:
    """Start no more jobs of a queue; what runs goes on.

    NAME is gpu or cpu.
    """
    from worker.jobs import holds

    with open_store(writes=True) as session:
        holds.pause_queue(session, name)
    click.echo(f"The {name} queue is paused.")


@queue.command()
@_NAME
def resume(name: str) -> None:
    """Start jobs of a queue again.

    NAME is gpu or cpu.
    """
    from worker.jobs import holds

    with open_store(writes=True) as session:
        holds.resume_queue(session, name)
    click.echo(f"The {name} queue is at work.")


@queue.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the queues, with what waits and runs in them."""
    from worker.jobs.plain_json import as_json as to_json
    from worker.jobs.watching.queues import list_queues

    with open_store() as session:
        found = list_queues(session)
    if as_json:
        print_json(to_json(found))
        return
    rows = [(each.name, "paused" if each.paused else "at work", each.n_queued, each.n_running) for each in found]
    print_table(("QUEUE", "STATE", "QUEUED", "RUNNING"), rows, "No queues found.")
