"""Folders that stand for storage elsewhere, and which URL each path in them stands for. Torch-free, standard library.

A *mirror* is a local folder with the URL that it stands for, such as `s3://bucket/prefix`. Everything below deals with
ordinary paths in it; `deeplab.remote` fetches a file before it is read there, and sends one that was written.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_OF_PATHS = ("file", "local")  # URLs of which name no host
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://+(?=[^/])")


@dataclass(frozen=True)
class Mirror:
    """A folder that stands for storage elsewhere."""

    folder: Path
    url: str  # without a `/` at its end; empty: the folders in it are named by the beginnings of URLs, as s3/bucket/a
    # Whether a file never changes once it has its name, so that a copy never has to be compared with it.
    constant: bool = False

    @cached_property
    def beginning(self) -> str:
        """What the paths in this folder begin with."""
        return f"{self.folder}/"

    def url_of(self, path: Path | str) -> str:
        """The URL of a path in this folder; bytes that are not UTF-8 are escaped."""
        below = os.fsencode(_absolute(path).removeprefix(self.beginning)).decode("utf-8", "backslashreplace")
        if self.url:
            return f"{self.url}/{below}"
        scheme, _, rest = below.partition("/")
        return f"{scheme}://{'/' if scheme in _OF_PATHS else ''}{rest}"


@dataclass(frozen=True)
class Mirrors:
    """All mirrors of a process."""

    mirrors: tuple[Mirror, ...] = ()
    most_bytes: int = 0  # that copies may take, together
    seconds: float = 0  # to go on trying while storage does not answer


class _Mounted:
    now = Mirrors()


def mount(mirrors: Mirrors) -> None:
    """Let folders of this process be mirrors from now on, in place of earlier ones."""
    _Mounted.now = mirrors


def mounted() -> Mirrors:
    """The mirrors of this process, for one that it starts."""
    return _Mounted.now


def mirror_of(path: Path | str) -> Mirror | None:
    """The mirror that a path lies in; None for most."""
    if not _Mounted.now.mirrors:
        return None
    text = _absolute(path)
    return next((each for each in _Mounted.now.mirrors if text.startswith(each.beginning)), None)


def url_of(path: Path | str) -> str | None:
    """The URL that a path stands for; None: it is nothing but itself."""
    mirror = mirror_of(path)
    return None if mirror is None else mirror.url_of(path)


def shown(path: Path | str) -> str:
    """A path as people know it: by its URL, if it has one that is not a job's own."""
    mirror = mirror_of(path)
    return os.fspath(path) if mirror is None or mirror.url else mirror.url_of(path)


def is_url(text: str) -> bool:
    """Whether a text names storage elsewhere."""
    return _URL.match(text) is not None


def has_urls() -> bool:
    """Whether this process has a mirror for any URL."""
    return _folder_of_urls() is not None


def local_path(text: str | Path) -> Path:
    """The path of what people name: of a URL that in its mirror, of anything else itself.

    Raises:
        ValueError: if it is a URL, and this process has no mirrors.
    """
    if isinstance(text, Path) or (found := _URL.match(text)) is None:
        return Path(text)
    rest = text[found.end() :]
    if ".." in rest.split("/"):
        raise ValueError(f"{text}: a URL cannot hold `..`")
    folder = _folder_of_urls()
    if folder is None:
        raise ValueError(f"{text}: URLs can be used by jobs, not here; expected a path")
    return folder / found[1] / rest


def absolute(text: str) -> str:
    """A path made absolute, links left as they are; a URL stays one."""
    return text if is_url(text) else _absolute(text)


def _folder_of_urls() -> Path | None:
    return next((each.folder for each in _Mounted.now.mirrors if not each.url), None)


def _absolute(path: Path | str) -> str:
    text = os.fspath(path)
    return text if text.startswith("/") and "/." not in text else os.path.abspath(text)  # noqa: PTH100  (links stay)
