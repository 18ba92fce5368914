"""Pictures that were made once, kept on disk: a second visit decodes nothing.

HOME/thumbnails/<2 digits>/<name>. When there are too many, those go first that nobody has looked at for longest.
"""

import hashlib
import itertools
import logging
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from deeplab.files import delete_file
from web.access.turns import turn_to_decode
from worker.jobs import storage
from worker.jobs.cleaning.caches import discard_oldest
from worker.jobs.settings import Settings

_LOOK_EVERY = 500  # written files between two looks at how many there are
_TOUCH_SECONDS = 3600  # between two notes that a file was used

_log = logging.getLogger(__name__)
_writes = itertools.count()


def name_of(*identity: object) -> str:
    """The name of a picture, by all that decides about it: its source, the version of that, the size and others."""
    text = "\0".join(map(str, identity))
    return hashlib.blake2s(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def load_or_make(settings: Settings, name: str, make: Callable[[], bytes]) -> bytes:
    """Read a picture, or make and keep it.

    Args:
        settings: name the home folder.
        name: of the picture, as `name_of` gives it.
        make: decodes the source and encodes the picture; few of them run at a time.

    Raises:
        NoTurnError: if others wait for pictures, too.
    """
    path = storage.thumbnails_dir(settings) / name[:2] / name
    return _read(path) or _make(settings, path, make)


def _make(settings: Settings, path: Path, make: Callable[[], bytes]) -> bytes:
    with turn_to_decode(settings):
        content = _read(path)  # whoever had the turn before may have made the same
        if not content:
            content = make()
            if _keep(path, content) and next(_writes) % _LOOK_EVERY == 0:
                discard_oldest(storage.thumbnails_dir(settings), storage.THUMBNAIL_BYTES)
    return content


def _read(path: Path) -> bytes:
    """Read a picture; empty if there is none. Notes that it was used."""
    try:
        content = path.read_bytes()
        if time.time() - path.stat().st_mtime > _TOUCH_SECONDS:
            os.utime(path)
    except OSError:
        return b""
    return content


def _keep(path: Path, content: bytes) -> bool:
    """Keep a picture, unflushed, since it can be made again; False if that fails: it is shown all the same."""
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:  # such as on a full disk
        _log.warning("%s: cannot be written: %s; this thumbnail is made each time.", path, error.strerror)
        delete_file(draft)
        return False
    return True
