"""Local work does not write into folders that belong to jobs of this machine's platform."""

import logging
from pathlib import Path

from deeplab.files import real_path
from deeplab.inference.output_lock import require_unfilled
from worker.cli.store import lacks_database
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.ownership import outputs
from worker.jobs.settings import load_settings

_log = logging.getLogger(__name__)


def require_free_folder(folder: Path) -> None:
    """Refuse a folder that belongs to a job that has not ended, or that somebody is filling.

    Raises:
        FolderOwnedError, OutputError: if it does.
    """
    require_unfilled(folder)
    settings = load_settings()
    if lacks_database(settings):
        return
    try:
        with open_session(settings, reads_only=True) as session:
            outputs.require_free(session, real_path(folder))
    except DatabaseError as error:  # local work needs no platform
        _log.warning("Whether the folder belongs to a job is unknown: %s", error)
