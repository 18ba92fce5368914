"""numba's compiler with the options that all kernels share, and its cache where it can be written.

numba keeps compiled code beside the source file, or below the user's cache folder where the package is read-only.
Where neither can be written (a container that runs as a user without a home) a private folder below the system's
temporary one serves, and without even that each process compiles for itself. It compiles anew when the file of a kernel
has changed, but does not notice when a part or a constant that the kernel took from another file has. So what lies
beside the sources is dropped here when any of them is newer; in a folder that NUMBA_CACHE_DIR names, that is up to you.
"""

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core import config

from deeplab.densecrf.cpu.kernels.arrays import Bytes, Floats, GivenBytes, GivenFloats, Ints, Longs

Compiled = Callable[..., Any]

_TYPES: Mapping[Any, Any] = {
    int: types.int64,
    bool: types.boolean,
    float: types.float32,
    Bytes: types.uint8[::1],
    Floats: types.float32[::1],
    Ints: types.int32[::1],
    Longs: types.int64[::1],
    GivenBytes: types.Array(types.uint8, 1, "C", readonly=True),
    GivenFloats: types.Array(types.float32, 1, "C", readonly=True),
}


def drop_outdated(package: Path) -> None:
    """Remove the index of cached code that is older than some source file of its package."""
    changed = max(path.stat().st_mtime for path in package.glob("*.py"))
    for index in (package / "__pycache__").glob("*.nbi"):
        with contextlib.suppress(OSError):  # read-only, or another process was faster
            if index.stat().st_mtime < changed <= time.time():
                index.unlink()


drop_outdated(Path(__file__).parent)


def part(function: Compiled) -> Compiled:
    """Compile a function for use in kernels only, as part of them."""
    compiled: Compiled = numba.njit(error_model="numpy")(function)
    return compiled


def inlined_part(function: Compiled) -> Compiled:
    """Compile a part that is copied into each kernel before types are found: constant arguments stay constant.

    A kernel must not close over a compiled function: numba would name the cached code anew in each process.
    """
    compiled: Compiled = numba.njit(error_model="numpy", inline="always")(function)
    return compiled


def kernel(function: Compiled) -> Compiled:
    """Compile a function at once for its annotated arguments, or load it from the cache on disk.

    Arrays are those of `arrays` in one dimension, int is 64 bits and float is 32. Named tuples hold these, but float is
    64 bits there and no array is read-only, as what Python has is converted for plain arguments only.
    """
    arguments = [_type(annotation) for name, annotation in function.__annotations__.items() if name != "return"]
    signatures = [tuple(arguments)]
    try:
        return _compile(function, signatures, cache=True)
    except (RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError) and "no locator" not in str(error):
            raise
    folder = private_folder(Path(tempfile.gettempdir()))
    if folder is None:
        return _compile(function, signatures, cache=False)
    # numba reads its setting when a function is decorated.
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    try:
        return _compile(function, signatures, cache=True)
    except OSError:  # a full disk, say
        return _compile(function, signatures, cache=False)
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


def _type(annotation: Any) -> Any:
    if annotation in _TYPES:
        return _TYPES[annotation]
    fields = annotation.__annotations__.values()
    inside = [types.float64 if field is float else _TYPES[field] for field in fields]
    return types.BaseTuple.from_types(inside, annotation)  # type: ignore[no-untyped-call]


def _compile(function: Compiled, signatures: list[Any], *, cache: bool) -> Compiled:
    # The interpreter's lock is released inside kernels, so that threads run them at once; division by zero gives inf,
    # as in numpy. No fastmath: lattice coordinates must round exactly as the reference's do.
    compiled: Compiled = numba.njit(signatures, cache=cache, nogil=True, error_model="numpy")(function)
    return compiled


def private_folder(parent: Path) -> Path | None:
    """Find or make a folder of this user alone below `parent`; None where there can be none.

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
