"""The data roots as a process finds them at its start. What is wrong with one is a warning: the others can be used."""

import logging
import os
from pathlib import Path

from deeplab.files import printable
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


def warn_of_roots(settings: Settings, *, writes: bool) -> None:
    """Log a warning for each data root that this process cannot use. That of the home may be missing.

    Args:
        settings: name the roots.
        writes: whether jobs of this process may name folders in them to write to.
    """
    for root in settings.data_roots:
        if sentence := complaint(root, writes=writes):
            _log.warning("%s", sentence)


def complaint(root: Path, *, writes: bool) -> str | None:
    """What keeps this process from using a data root, in a sentence."""
    if not os.access(root, os.F_OK):
        return f"The data root {printable(root)} does not exist, or user {os.geteuid()} cannot reach it."
    if not root.is_dir():
        return f"The data root {printable(root)} is not a folder."
    verb = next((verb for verb, mode in _uses(writes) if not os.access(root, mode)), None)
    if verb is None:
        return None
    owner = root.stat().st_uid
    return (
        f"User {os.geteuid()} cannot {verb} the data root {printable(root)}, which belongs to user {owner}; jobs that "
        "have to will fail. With docker-compose.yml, name the user that runs it in DEEPLAB_UID and DEEPLAB_GID."
    )


def _uses(writes: bool) -> list[tuple[str, int]]:
    return [("read", os.R_OK | os.X_OK), *([("write to", os.W_OK)] if writes else [])]
