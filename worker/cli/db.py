"""`deeplab db`."""

import click


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.option(
    "--wait",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long to try while the database cannot be reached.",
)
def upgrade(wait: int) -> None:
    """Create the tables, or bring them to the newest version.

    A database server that is just being started may take some seconds until it answers, which are waited for.
    """
    from sqlalchemy import make_url

    from worker.jobs import database
    from worker.jobs.settings import load_settings

    settings = load_settings()
    database.patiently(lambda: database.upgrade(settings), wait)
    click.echo(f"The tables of {make_url(settings.database).render_as_string(hide_password=True)} are up to date.")
