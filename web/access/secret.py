"""The key that signs cookies: made once per home, readable by its owner alone."""

import os
import secrets

from deeplab.errors import OutputError
from deeplab.files import make_folder
from worker.jobs import storage
from worker.jobs.settings import Settings


def secret_key(settings: Settings) -> str:
    """Read the key of this home; make it first if there is none.

    Raises:
        OutputError: if it cannot be read or written.
    """
    path = storage.secret_key_path(settings)
    try:
        if not path.exists():
            _make_key(settings)
        return path.read_text("ascii")
    except OSError as error:
        raise OutputError(f"{path}: the dashboard's key cannot be used: {error.strerror}.") from error


def _make_key(settings: Settings) -> None:
    make_folder(settings.home)
    path = storage.secret_key_path(settings)
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_urlsafe(32), "ascii")
        os.link(draft, path)  # fails if another process was first, whose key then holds
    except FileExistsError:
        pass
    finally:
        draft.unlink()
