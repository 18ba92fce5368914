"""Walk over the files under a folder, in order, in memory that does not grow with them all. Torch-free."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from deeplab.errors import DatasetError
from deeplab.files import printable


class Found(NamedTuple):
    """What a walk came by."""

    path: str  # relative to where it began, `/` between the parts
    what: Literal["wanted", "other", "results"]  # a wanted file, a file of another kind, a folder of results


@dataclass(frozen=True)
class _Folder:
    """A folder that a walk is in."""

    prefix: str  # of the paths in it
    names: list[str]  # that are still to come, the next one last; those of folders end with `/`
    above: frozenset[tuple[int, int] | None]  # itself and those above it, and what is to be left out


def walk_in_order(
    root: Path,
    wanted: frozenset[str],
    *,
    exclude: Path | None = None,
    after: str | None = None,
    is_results: Callable[[Path], bool] = lambda _folder: False,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Found]:
    """Yield the files under a folder as their paths sort, links to folders included.

    Hidden files and folders (`.name`) are left out, as are links that lead back to a folder above them. Memory holds
    only the names in the folders that the walk is in.

    Args:
        root: where to look, at any depth.
        wanted: suffixes of the files that are, in lower case.
        exclude: a folder to leave out.
        after: go on behind this path, as if the walk had come so far.
        is_results: tells of a folder with a file `run.json` whether results of ours lie there; they are not entered.
        tick: called for each name that is read; a large folder takes a while.

    Raises:
        DatasetError: if `root` is not a folder, or a folder cannot be listed.
    """
    require_folder(root)
    above = frozenset({None, _identity(exclude), _identity(root)})
    folders = [_Folder("", _names_in(root, wanted, tick), above)]
    while folders:
        here = folders[-1]
        if not here.names:
            folders.pop()
            continue
        path = here.prefix + here.names.pop()
        if after is not None and path <= after and not (path.endswith("/") and after.startswith(path)):
            continue
        if not path.endswith("/"):
            yield Found(path, "wanted" if is_wanted(path, wanted) else "other")
            continue
        identity = _identity(root / path)
        if identity in here.above:
            continue
        names = _names_in(root / path, wanted, tick)
        if "run.json" in names and is_results(root / path):
            yield Found(path, "results")
            continue
        folders.append(_Folder(path, names, here.above | {identity}))


def walk_at_once(root: Path, wanted: frozenset[str]) -> Iterator[str]:
    """Yield the files under a folder as they come, for a look at the first ones; otherwise as `walk_in_order`."""
    require_folder(root)
    waiting: list[tuple[Path, str, frozenset[tuple[int, int] | None]]] = [(root, "", frozenset({None}))]
    while waiting:
        folder, prefix, above = waiting.pop()
        above |= {_identity(folder)}
        for entry in _entries(folder):
            if _counts(entry, wanted):
                yield f"{prefix}{entry.name}"
            elif not entry.name.startswith(".") and is_folder(entry) and _identity(Path(entry.path)) not in above:
                waiting.append((Path(entry.path), f"{prefix}{entry.name}/", above))


def is_wanted(path: str, wanted: frozenset[str]) -> bool:
    """Whether a file has one of the suffixes."""
    return PurePath(path).suffix.lower() in wanted


def require_folder(root: Path) -> None:
    """Refuse what is not a folder. Raises DatasetError."""
    if not is_folder(root):
        reason = "is not a folder" if os.path.exists(root) else "the folder does not exist"  # noqa: PTH110  (never raises)
        raise DatasetError(f"{printable(root)}: {reason}; expected a folder of images.")


def is_folder(path: "Path | os.DirEntry[str]") -> bool:
    """Whether something is a folder; False also if that cannot be told, as of a link that leads to itself."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _names_in(folder: Path, wanted: frozenset[str], tick: Callable[[], None]) -> list[str]:
    """The names in a folder, sorted so that the paths under it are, too; the first one last."""
    names: list[str] = []
    for entry in _entries(folder):
        tick()
        if _counts(entry, wanted):
            names.append(entry.name)
        elif not entry.name.startswith(".") and is_folder(entry):
            names.append(f"{entry.name}/")  # sorts as the paths in it do: "a b" before "a/b"
    names.sort(reverse=True)
    return names


def _counts(entry: "os.DirEntry[str]", wanted: frozenset[str]) -> bool:
    """Whether something in a folder is a file that a walk yields."""
    if entry.name.startswith(".") or is_folder(entry):
        return False
    # A link that leads nowhere, or in circles, counts by its name: whoever reads it says what is wrong with it.
    return _is_file(entry) or (entry.is_symlink() and is_wanted(entry.name, wanted))


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: the folder cannot be listed: {error.strerror}.") from error


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _identity(folder: Path | None) -> tuple[int, int] | None:
    if folder is None:
        return None
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
