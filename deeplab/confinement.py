"""Which files this process may open, links followed: any, unless it is confined to some folders. Torch-free.

A job that was submitted over HTTP runs confined. Its paths were checked at submission, but a link may lead elsewhere by
the time that it is followed, and a folder may hold links to anywhere.
"""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from deeplab.mirrors import has_urls, is_url, local_path


class _Confinement:
    readable: tuple[Path, ...] | None = None
    writable: tuple[Path, ...] | None = None


def confine(readable: Iterable[Path | str], writable: Iterable[Path | str]) -> None:
    """From now on, open no other files than those in some resolved folders."""
    _Confinement.readable = tuple(map(Path, readable))
    _Confinement.writable = tuple(map(Path, writable))


def readable_folders() -> tuple[Path, ...] | None:
    """What this process is confined to when it reads; None: to nothing."""
    return _Confinement.readable


def require_readable(path: Path | str) -> None:
    """Refuse to read what lies elsewhere. Raises PermissionError."""
    _require(path, _Confinement.readable, "leads out of the folders that its job may read")


def require_writable(folder: Path | str) -> None:
    """Refuse to write into a folder elsewhere. Raises PermissionError."""
    _require(folder, _Confinement.writable, "leads out of the folders that its job may write to")


def lies_under(path: str | Path, roots: Iterable[Path]) -> bool:
    """Whether an absolute path is within one of some resolved folders, links followed, and not hidden there."""
    if "\0" in str(path) or (is_url(str(path)) and not has_urls()):
        return False
    path = local_path(path)
    if not path.is_absolute():
        return False
    real = Path(os.path.realpath(path))
    # Links are left of a loop. (Path.is_symlink would raise where it may not look.)
    leads_nowhere = any(os.path.islink(part) for part in (real, *real.parents))  # noqa: PTH114
    return not leads_nowhere and any(real.is_relative_to(root) and not _is_hidden(real, root) for root in roots)


def _is_hidden(path: Path, root: Path) -> bool:
    """Whether a path leads through something hidden below a root: where programs keep their keys and passwords."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _require(path: Path | str, roots: Sequence[Path] | None, problem: str) -> None:
    if roots is not None and not lies_under(os.path.abspath(path), roots):  # noqa: PTH100  (links stay links)
        raise PermissionError(errno.EACCES, problem, str(path))
