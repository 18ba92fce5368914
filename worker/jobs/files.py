"""Files that survive a power cut, hashes of files, ends of logs, and secrets."""

import hashlib
import os
import secrets
from pathlib import Path

from deeplab.files import make_folder, replace_file


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


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all, and flush it to the disk before returning."""
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(text.encode("utf-8", errors="surrogateescape"))


def flush(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Hash a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tail(path: Path, n_bytes: int = 16_384) -> str:
    """Read the last complete lines of a log; empty if there is no such file yet."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - n_bytes))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text if size <= n_bytes else text.partition("\n")[2]
