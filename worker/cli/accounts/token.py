"""`deeplab token`."""

from datetime import UTC, datetime

import click

from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store
from worker.jobs.accounts.roles import LOCAL, ROLES


@click.group()
def token() -> None:
    """Create and revoke tokens, which programs sign in with."""


@token.command(epilog="Example: deeplab token create nightly --user anna --days 90")
@click.argument("name")
@click.option("--user", default=LOCAL, show_default=True, help="Whose it is.")
@click.option("--role", type=click.Choice(ROLES), help="The most that it may do.  [default: what its user may]")
@click.option("--days", type=click.IntRange(1), metavar="N", help="How long it is valid.  [default: for ever]")
@json_option
def create(name: str, user: str, role: str | None, days: int | None, as_json: bool) -> None:
    """Create a token, and print it this once.

    NAME says what it is for. Programs send it as "Authorization: Bearer dlp_...".
    """
    from worker.jobs.accounts import tokens, users

    with open_store(writes=True) as session:
        owner = users.ensure_local(session) if user == LOCAL else users.get(session, user)
        secret = tokens.create(session, owner, name, role or owner.role, days)
    if as_json:
        print_json({"token": secret})
    else:
        click.echo(secret)


@token.command("list")
@click.option("--user", help="Only tokens of this user.")
@json_option
def list_(user: str | None, as_json: bool) -> None:
    """List tokens, newest first."""
    from worker.jobs.accounts import tokens

    with open_store() as session:
        found = tokens.list_tokens(session, user)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, each.user, each.name, each.role, _day(each.created_at), _day(each.used_at), _day(each.expires_at))
        for each in found
    ]
    print_table(("ID", "USER", "NAME", "ROLE", "CREATED", "USED", "EXPIRES"), rows, "There are no tokens.")


@token.command()
@click.argument("token_id", metavar="ID", type=int)
def revoke(token_id: int) -> None:
    """Make a token worthless at once."""
    from worker.jobs.accounts import tokens

    with open_store(writes=True) as session:
        tokens.revoke(session, token_id)
    click.echo(f"Token {token_id} is revoked.")


def _day(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d")
