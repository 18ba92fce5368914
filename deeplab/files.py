"""Write files whole or not at all, hash them, read the ends of logs, and name files in sentences. Torch-free."""

import codecs
import errno
import hashlib
import logging
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from deeplab.confinement import require_readable, require_writable
from deeplab.errors import OutputError

LARGEST_FILE = 1_000_000  # bytes of a configuration, or of a file of class names or colours
LARGEST_LIST = 50_000_000  # bytes of a split list: more than a million lines

# Control characters; line and paragraph separators; marks of direction; surrogates.
_HIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # what a write can fail for in its middle

_log = logging.getLogger(__name__)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file so that at any moment, even after a crash, `path` has either its old content or all of the new.

    The block writes to a hidden file beside `path`, which is flushed to disk and renamed to `path` at its end.

    Raises:
        OutputError: if the file cannot be written; nothing is left behind then.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        require_writable(path.parent)
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException as error:
        _discard(draft)
        if (reason := _failed_write(error)) is None:
            raise
        raise OutputError(f"{printable(path)}: cannot be written: {reason.strerror or reason}.") from reason


def is_draft(name: str) -> bool:
    """Whether a file has the name of one that `replace_file` is writing."""
    return re.fullmatch(r"\.[0-9a-f]{32}\.tmp", name) is not None


def name_is_too_long(error: OutputError) -> bool:
    """Whether a file could not be written because of its name alone."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8: whole or not at all, flushed to disk. Makes missing folders.

    Surrogate escapes in the text become the bytes that they stand for.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(text.encode("utf-8", errors="surrogateescape"))


def flush_to_disk(path: Path) -> None:
    """Flush a file, or a folder's list of names, to disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Hash the bytes of a file: 64 hexadecimal digits."""
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


def delete_file(path: Path) -> None:
    """Delete a file, if it is there. If it cannot be deleted, it stays, and a warning is logged."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s: cannot be deleted: %s.", printable(path), error.strerror or error)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, unless it is there.

    Raises:
        OutputError: if it cannot be created or something else has its name.
    """
    try:
        require_writable(path)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{printable(path)}: the folder cannot be created: {error.strerror or error}.") from error


def real_path(path: Path | str) -> Path:
    """Return an absolute path with links resolved as far as they exist; nothing needs to exist.

    Replaces Path.resolve, which raises RuntimeError for a loop of links before Python 3.13.
    """
    return Path(os.path.realpath(path))


def read_text(path: Path, largest: int = LARGEST_LIST) -> str:
    """Read a text file in UTF-8, or in what its byte-order mark says, as Windows writes it: UTF-8, UTF-16 or UTF-32.

    Args:
        path: the file.
        largest: how many bytes it may have.

    Raises:
        OSError: if it cannot be read, is too large, or is no file but a pipe or a device, which may never end.
        UnicodeError: if it is in another encoding.
    """
    content = _read_bounded(path, largest)
    encodings = (encoding for mark, encoding in _BYTE_ORDER_MARKS if content.startswith(mark))
    return content.decode(next(encodings, "utf-8"))


def is_plain(text: str) -> bool:
    """Whether a text is one line without what nobody sees: control characters, marks that turn text around, surrogates.

    Such a text can be stored by every database, and cannot pass for another one on a page, in a log or on a terminal.
    """
    return not _HIDDEN.search(text)


def visible(text: str) -> str:
    """A text with what nobody sees escaped, lines and tabs aside: fit for a terminal and a log, whoever wrote it."""
    return _HIDDEN.sub(
        lambda match: match[0] if match[0] in "\n\t" else match[0].encode("unicode_escape").decode(), text
    )


def reason_of(error: Exception) -> str:
    """Why something failed, as the end of a sentence that names the file itself."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "is not a text in UTF-8" if isinstance(error, UnicodeError) else str(error)


def _read_bounded(path: Path, largest: int) -> bytes:
    require_readable(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # else it would wait for a pipe's writer
    with open(descriptor, "rb") as file:  # noqa: PTH123  (of a descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"has more than {largest:,} bytes, the limit")
    return content


def printable(path: Path | str) -> str:
    """Turn a path into text for sentences and logs; bytes that are not UTF-8 and what nobody sees are escaped."""
    try:
        text = os.fsencode(path).decode(errors="backslashreplace")
    except UnicodeEncodeError:  # surrogates that stand for no byte, as JSON may hold them
        text = os.fspath(path)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _failed_write(error: BaseException | None) -> OSError | None:
    """The system's error, also behind one that a library raised while it closed what it could not write."""
    if isinstance(error, OSError):
        return error
    while error is not None:
        error = error.__cause__ or error.__context__
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return error
    return None


def _discard(draft: Path) -> None:
    with suppress(OSError):
        draft.unlink()
