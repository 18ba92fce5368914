"""What the picker and GET /api/v1/folders show: folders under the data roots, and nothing else on the machine."""

import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deeplab import remote
from deeplab.confinement import lies_under
from deeplab.errors import DeepLabError
from deeplab.files import real_path
from deeplab.images.kinds import IMAGE_SUFFIXES
from deeplab.images.walk import Entry as Listed
from deeplab.images.walk import is_folder
from deeplab.mirrors import local_path, shown
from web.access.paths import CONFIG_SUFFIXES, outside
from worker.jobs import storage
from worker.jobs.settings import Settings

WEIGHTS_SUFFIXES = frozenset({".pth", ".pt", ".safetensors"})

_MOST_ENTRIES = 10_000  # of a folder that are looked at


class FolderRefusedError(DeepLabError):
    """A folder is outside the data roots or cannot be listed."""


@dataclass(frozen=True)
class Entry:
    """A folder, or a file of the requested kind."""

    name: str
    path: str


@dataclass(frozen=True)
class FolderListing:
    """The contents of a folder; without one (`path` is None) the roots."""

    path: str | None
    parent: str | None  # None at a root
    folders: list[Entry]
    files: list[Entry]
    n_images: int  # directly in the folder
    is_whole: bool = True  # False: the folder holds more, which was not looked at
    links_out: Sequence[str] = ()  # names of links that lead out of the roots, which nobody may follow


def list_roots(settings: Settings) -> FolderListing:
    """List the data roots that exist."""
    roots = [real_path(root) for root in settings.roots if is_folder(root)]
    return FolderListing(None, None, [Entry(shown(root), shown(root)) for root in roots], [], 0)


def shipped_configs() -> list[Entry]:
    """List the configurations that come with the platform."""
    paths = sorted(path for path in storage.configs_dir().glob("*") if path.suffix in CONFIG_SUFFIXES)
    return [Entry(path.name, str(real_path(path))) for path in paths]


def list_folder(settings: Settings, path: str, suffixes: frozenset[str] = frozenset()) -> FolderListing:
    """List a folder under a data root: its folders, its files with some suffixes, and its number of images.

    Hidden entries are left out, as are names that are not UTF-8, which a form could not send back. Links that lead out
    of the roots are named, and not followed.

    Raises:
        FolderRefusedError: if it is outside, does not exist or cannot be read.
    """
    roots = [real_path(root) for root in settings.roots]
    if not lies_under(path, roots):
        raise FolderRefusedError(outside(path, settings))
    folder = real_path(local_path(path))
    try:
        entries, is_whole = _first(folder)
        shown_ones = sorted(
            (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name.lower()
        )
        entries = [entry for entry in shown_ones if not entry.is_symlink() or lies_under(entry.path, roots)]
        inside = {entry.name for entry in entries}
        files = [entry for entry in entries if entry.is_file()]
        folders = [entry for entry in entries if is_folder(entry)]
    except OSError as error:
        raise FolderRefusedError(f"{path} cannot be listed: {error.strerror}.") from error
    return FolderListing(
        path=shown(folder),
        parent=None if folder in roots else shown(folder.parent),
        folders=_named(folders),
        files=_named(entry for entry in files if Path(entry.name).suffix.lower() in suffixes),
        n_images=sum(Path(entry.name).suffix.lower() in IMAGE_SUFFIXES for entry in files),
        is_whole=is_whole,
        links_out=[entry.name for entry in _named(entry for entry in shown_ones if entry.name not in inside)],
    )


def _first(folder: Path) -> tuple[list[Listed], bool]:
    """The first entries of a folder, and whether these are all."""
    with closing(remote.scan(folder)) as entries:
        found = list(islice(entries, _MOST_ENTRIES + 1))
    return found[:_MOST_ENTRIES], len(found) <= _MOST_ENTRIES


def _named(entries: Iterable[Listed]) -> list[Entry]:
    """Keep the entries that a form can send back: names in UTF-8."""
    is_surrogate = re.compile("[\ud800-\udfff]").search
    return [Entry(entry.name, shown(entry.path)) for entry in entries if not is_surrogate(entry.name)]
