"""What every view needs from the running application."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from flask import current_app, g
from sqlalchemy.orm import Session

from worker.jobs import alarms
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.settings import Settings

LARGEST_REQUEST = 2**20  # bytes; the largest real one is a form with a screenful of overrides
SETTINGS = "deeplab_settings"  # where create_app puts them in app.extensions


@dataclass(frozen=True)
class Identity:
    """Who asks."""

    user_id: int | None  # None: nobody is asked to sign in (DEEPLAB_AUTH=off)
    name: str
    role: str  # one of worker.jobs.accounts.roles.ROLES
    via: Literal["session", "token", "proxy", "off"]


def current_identity() -> Identity | None:
    """Who asks; None: somebody who has not signed in."""
    identity: Identity | None = g.get("identity")
    return identity


def signed_in() -> Identity:
    """Who asks, in a view that web.access.permissions opens to nobody else."""
    identity = current_identity()
    if identity is None:
        raise RuntimeError("a view of those who have signed in was reached by somebody else")
    return identity


def current_settings() -> Settings:
    """The settings that the application was built with."""
    settings: Settings = current_app.extensions[SETTINGS]
    return settings


def current_alarms() -> Sequence[str]:
    """What has to be mended, for every page of somebody who has signed in."""
    if current_identity() is None:
        return []
    try:
        with reading() as session:
            return alarms.list_fresh(session)
    except DatabaseError:  # which the page itself says
        return []


def reading() -> AbstractContextManager[Session]:
    """Open a session for a view that changes nothing."""
    return open_session(current_settings(), reads_only=True)


def writing() -> AbstractContextManager[Session]:
    """Open a session that commits at the end of the block."""
    return open_session(current_settings())
