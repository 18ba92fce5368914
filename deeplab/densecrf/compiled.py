"""numba's compiler with the options that all kernels share, and its cache where it can be written.

numba keeps compiled code beside the source file, or below the user's cache folder where the package is read-only.
Where neither can be written (a container that runs as a user without a home) a private folder below the system's
temporary one serves, and without even that each process compiles for itself.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import types

Function = TypeVar("Function", bound=Callable[..., Any])

# The interpreter's lock is released inside kernels, so that threads run them at once; division by zero gives inf, as
# in numpy. No fastmath: lattice coordinates must round exactly as the reference's do.
_OPTIONS = {"nogil": True, "error_model": "numpy"}

INT = types.int64
FLOAT = types.float32
FLOATS = types.float32[::1]
INTS = types.int32[::1]
LONGS = types.int64[::1]
BYTES = types.uint8[::1]
# What a caller handed in may be read-only memory (np.load with mmap_mode, arrays of Pillow images).
READ_FLOATS = types.Array(types.float32, 1, "C", readonly=True)
READ_BYTES = types.Array(types.uint8, 1, "C", readonly=True)


def kernel(*arguments: Any) -> Callable[[Function], Function]:
    """Compile a function at once for arguments of these numba types, or load it from the cache on disk."""

    def decorate(function: Function) -> Function:
        compiled: Function = _compile(function, [arguments])
        return compiled

    return decorate


def _compile(function: Callable[..., Any], signatures: list[Any]) -> Any:
    try:
        return numba.njit(signatures, cache=True, **_OPTIONS)(function)
    except (RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError) and "no locator" not in str(error):
            raise
    folder = private_folder(Path(tempfile.gettempdir()))
    if folder is None:
        return numba.njit(signatures, **_OPTIONS)(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)  # numba reads it when a function is decorated
    try:
        return numba.njit(signatures, cache=True, **_OPTIONS)(function)
    except OSError:  # a full disk, say
        return numba.njit(signatures, **_OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before


def private_folder(parent: Path) -> Path | None:
    """A folder of this user alone below `parent`, made if absent; None where there can be none.

    Cached code is executed, so a folder that another user could have written to is not used.
    """
    if not hasattr(os, "getuid"):
        return None
    folder = parent / f"deeplab-kernels-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    return folder if private and os.access(folder, os.W_OK) else None
