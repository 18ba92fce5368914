"""Secrets in files that only their owner can read."""

import os
import secrets
from pathlib import Path


def read_secret(path: Path) -> str:
    """Read a random text that is made once, in a folder that exists, and that only its owner can read.

    Raises:
        OSError: if it cannot be read or made.
    """
    if not path.exists():
        draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
        draft.touch(mode=0o600)
        try:
            draft.write_text(secrets.token_urlsafe(32), "ascii")
            os.link(draft, path)  # fails if another process was first, whose secret then holds
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("ascii")


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
