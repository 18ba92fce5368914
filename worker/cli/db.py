"""`deeplab db`."""

import click


@click.group()
def db() -> None:
    """Create or upgrade the database."""


@db.command()
def upgrade() -> None:
    """Create the database tables, or upgrade them to the newest version."""
    from sqlalchemy import make_url

    from worker.jobs import database
    from worker.jobs.settings import load_settings

    settings = load_settings()
    database.upgrade(settings)
    click.echo(f"The database {make_url(settings.database).render_as_string(hide_password=True)} is up to date.")
