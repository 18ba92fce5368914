"""`deeplab db`."""

import click


@click.group()
def db() -> None:
    """Create or upgrade the database."""


@db.command()
@click.option(
    "--wait",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long to retry while the database cannot be reached.",
)
def upgrade(wait: int) -> None:
    """Create the database tables, or upgrade them to the newest version.

    Waits for a database server that is just starting.
    """
    from sqlalchemy import make_url

    from worker.jobs import database
    from worker.jobs.settings import load_settings

    settings = load_settings()
    database.retry_for(lambda: database.upgrade(settings), wait)
    click.echo(f"The database {make_url(settings.database).render_as_string(hide_password=True)} is up to date.")
