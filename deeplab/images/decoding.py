"""Errors of decoders as sentences about their files. Torch-free."""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deeplab import remote
from deeplab.confinement import require_readable
from deeplab.errors import ImageError, StorageError
from deeplab.files import printable


@contextmanager
def decoding(path: Path, translate: Callable[[Path, Exception], ImageError]) -> Iterator[None]:
    """Turn whatever a decoder raises inside the block into an ImageError; a damaged file can cause any exception."""
    try:
        yield
    except (ImageError, StorageError):
        raise
    except Exception as error:
        raise translate(path, error) from error


def require_file(path: Path) -> Path:
    """Return the path of a file. Raises ImageError if it is another thing, since a named pipe could block forever."""
    require_readable(path)
    if not stat.S_ISREG(remote.fetch(path).stat().st_mode):
        raise ImageError(f"{printable(path)}: is not a file.")
    return path
