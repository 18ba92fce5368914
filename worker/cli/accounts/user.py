"""`deeplab user`."""

import sys

import click

from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import create_store, open_store
from worker.jobs.accounts.roles import OPERATOR, ROLES

_NAME = click.argument("name")
_ROLE = click.Choice(ROLES)


@click.group()
def user() -> None:
    """Add and manage the people who may use the platform."""


@user.command(epilog="Example: deeplab user add anna --role admin")
@_NAME
@click.option("--role", type=_ROLE, default=OPERATOR, show_default=True, help="What they may do.")
@click.option("--no-password", is_flag=True, help="For somebody whom a proxy signs in (DEEPLAB_AUTH=proxy).")
def add(name: str, role: str, no_password: bool) -> None:
    """Add a person.

    A viewer sees everything, an operator submits jobs and cancels own ones, an admin cancels all jobs and manages
    people. The password is asked for, or read from standard input; it has at least 12 characters.
    """
    from worker.jobs.accounts import users
    from worker.jobs.settings import load_settings

    settings = load_settings()
    create_store(settings)
    password_hash = None if no_password else _ask_for_hash()
    with open_store(settings, writes=True) as session:
        users.add(session, name, role, password_hash)
    click.echo(f"{name} is {role}.")


@user.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List people."""
    from worker.jobs.accounts import users

    with open_store() as session:
        found = users.list_users(session)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.role, "yes" if each.has_password else "no", "disabled" if each.disabled else "")
        for each in found
    ]
    print_table(("NAME", "ROLE", "PASSWORD", ""), rows, "There are no users yet.")


@user.command()
@_NAME
def passwd(name: str) -> None:
    """Change a person's password, and sign them out everywhere.

    The password is asked for, or read from standard input.
    """
    from worker.jobs.accounts import users

    with open_store() as session:
        users.get(session, name)
    password_hash = _ask_for_hash()
    with open_store(writes=True) as session:
        users.set_password(session, name, password_hash)
    click.echo(f"The password of {name} is changed.")


@user.command(epilog="Example: deeplab user role anna viewer")
@_NAME
@click.argument("role", type=_ROLE)
def role(name: str, role: str) -> None:
    """Change a person's role, and sign them out everywhere."""
    from worker.jobs.accounts import users

    with open_store(writes=True) as session:
        users.set_role(session, name, role)
    click.echo(f"{name} is {role}.")


@user.command()
@_NAME
def disable(name: str) -> None:
    """Lock a person out at once, with their tokens."""
    _set_disabled(name, disabled=True)


@user.command()
@_NAME
def enable(name: str) -> None:
    """Let a person in again, with the tokens that they had."""
    _set_disabled(name, disabled=False)


def _set_disabled(name: str, *, disabled: bool) -> None:
    from worker.jobs.accounts import users

    with open_store(writes=True) as session:
        users.set_disabled(session, name, disabled)
    click.echo(f"{name} is {'disabled' if disabled else 'enabled'}.")


def _ask_for_hash() -> str:
    """Ask for a new password, and hash it outside of any transaction."""
    from worker.jobs.accounts.passwords import hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    return hash_password(password)
