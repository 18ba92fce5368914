"""`deeplab checkpoint alias`."""

from datetime import UTC, datetime

import click

from worker.cli.checkpoint.argument import checkpoint_argument
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def alias() -> None:
    """Give checkpoints names, such as champion, and move these from one to another.

    Wherever a checkpoint is named, an alias may stand in its place. A job keeps the checkpoint that it stood for when
    the job was submitted.
    """


@alias.command("set", epilog="Example: deeplab checkpoint alias set champion 12")
@click.argument("name")
@checkpoint_argument
def set_(name: str, checkpoint: str) -> None:
    """Let the alias NAME stand for a checkpoint."""
    from worker.jobs.records import aliases

    with open_store(writes=True) as session:
        found = aliases.find_checkpoint(session, checkpoint)
        aliases.move(session, name, found.id)
    click.echo(f"{name} stands for checkpoint {found.id}.")


@alias.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take an alias away; its history stays."""
    from worker.jobs.records import aliases

    with open_store(writes=True) as session:
        gone = aliases.remove(session, name)
    click.echo(f"{name} is no alias any more; it stood for checkpoint {gone.checkpoint_id}.")


@alias.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the aliases."""
    from worker.jobs.records import aliases

    with open_store() as session:
        found = aliases.list_aliases(session)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.checkpoint_id, _time(each.since)) for each in found]
    print_table(("ALIAS", "CHECKPOINT", "SINCE"), rows, "There are no aliases.")


@alias.command()
@click.argument("name")
@json_option
def history(name: str, as_json: bool) -> None:
    """Show the moves of an alias, the newest first: who, when, from where to where."""
    from worker.jobs.records import aliases

    with open_store() as session:
        moves = aliases.list_moves(session, name)
        if not moves:
            aliases.get(session, name)
    if as_json:
        print_json(moves)
        return
    rows = [(_time(each.at), each.from_id or "", each.to_id or "", each.user or "") for each in moves]
    print_table(("WHEN", "FROM", "TO", "BY"), rows, "")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
