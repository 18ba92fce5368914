"""What every view needs from the running application."""

from contextlib import AbstractContextManager

from flask import current_app
from sqlalchemy.orm import Session

from worker.jobs.database import open_session
from worker.jobs.settings import Settings

LARGEST_REQUEST = 2**20  # bytes; the largest real one is a form with a screenful of overrides
SETTINGS = "deeplab_settings"  # where create_app puts them in app.extensions


def current_settings() -> Settings:
    """The settings that the application was built with."""
    settings: Settings = current_app.extensions[SETTINGS]
    return settings


def reading() -> AbstractContextManager[Session]:
    """Open a session for a view that changes nothing."""
    return open_session(current_settings(), reads_only=True)


def writing() -> AbstractContextManager[Session]:
    """Open a session that commits at the end of the block."""
    return open_session(current_settings())
