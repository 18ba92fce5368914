"""Secrets in files that only their owner can read."""

import errno
import os
import secrets
import stat
from pathlib import Path

_SHORTEST = 32  # characters
_LONGEST = 4096


def read_secret(path: Path) -> str:
    """Read a random text that is made once, in a folder that exists, and that only its owner can read.

    Raises:
        OSError: if it cannot be read or made, others could have read or written it, or it is too short to be a secret.
    """
    if not os.path.lexists(path):
        draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
        draft.touch(mode=0o600)
        try:
            draft.write_text(secrets.token_urlsafe(_SHORTEST), "ascii")
            os.link(draft, path)  # fails if another process was first, whose secret then holds
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return _read(path)


def write_secret(path: Path, secret: str) -> None:
    """Write a secret, whole or not at all, so that only its owner can read it.

    Raises:
        OSError: if it cannot be written.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secret, "ascii")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123  (of a descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EPERM, "is not a regular file")
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "belongs to somebody else")
        if status.st_mode & 0o077:
            raise PermissionError(errno.EPERM, f"can be opened by others; if none has, run: chmod 600 {path}")
        secret = file.read(_LONGEST).decode("ascii", "replace").strip()
    if len(secret) < _SHORTEST:
        raise PermissionError(
            errno.EPERM, f"has {len(secret)} characters, of which a secret has {_SHORTEST} or more; delete the file"
        )
    return secret
