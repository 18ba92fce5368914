"""The home folder belongs to one person: its secrets, logs and results are readable by nobody else."""

import errno
import logging
import os

from deeplab.errors import DeepLabError
from deeplab.files import printable
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
_OTHERS = 0o077


class HomeError(DeepLabError):
    """The home folder cannot be used."""


def close_home(settings: Settings) -> Settings:
    """Keep other people of this machine out of the home folder, and out of all that this process writes from now on.

    Makes the folder. One that is open, as earlier versions left it, is closed, and a warning says so.

    Returns:
        The settings, with the permissions that this process gave to files until now: what jobs write into data roots
        is for others, too.

    Raises:
        HomeError: if the folder cannot be made or written to.
    """
    umask = os.umask(_OTHERS)
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_mode & _OTHERS:
            _close(settings)
        if not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"user {os.geteuid()} cannot write to it")
    except OSError as error:
        raise HomeError(
            f"The home folder {home} cannot be used: {error.strerror or error}; "
            "choose another one with --home or DEEPLAB_HOME."
        ) from None
    return settings if settings.output_umask is not None else settings.model_copy(update={"output_umask": umask})


def _close(settings: Settings) -> None:
    try:
        settings.home.chmod(0o700)
    except PermissionError:
        _log.warning(
            "The home folder %s can be entered by others, and is not yours to close; its owner should `chmod 700` it.",
            printable(settings.home),
        )
    else:
        _log.warning("The home folder %s could be entered by others; it is closed now.", printable(settings.home))
