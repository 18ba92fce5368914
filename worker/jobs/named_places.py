"""Folders and URLs as settings name them, and the folders in which copies of what lies at URLs are kept."""

import re
from pathlib import Path

from deeplab.files import real_path
from deeplab.mirrors import Mirror, is_url

NAME = r"[a-z][a-z0-9_-]+"  # of a place, as a regular expression
_TAKEN = ("home",)


def urls_dir(home: Path) -> Path:
    """The folder that stands for storage at any URL: s3://bucket/a is s3/bucket/a in it."""
    return home / "remote"


def folder_of(text: str, home: Path) -> Path:
    """The folder that a text names: itself, or where copies of what lies at that URL are kept."""
    if not is_url(text):
        return real_path(Path(text).expanduser())
    scheme, _, rest = text.rstrip("/").partition("://")
    return urls_dir(home) / scheme / rest


def text_of(folder: Path, home: Path) -> str:
    """What names a folder: the opposite of `folder_of`."""
    return Mirror(urls_dir(home), "").url_of(folder) if folder.is_relative_to(urls_dir(home)) else str(folder)


def parse(text: str, home: Path) -> tuple[tuple[str, Path], ...]:
    """Read NAME=FOLDER,NAME=FOLDER.

    Raises:
        ValueError: if it is not that, or a name is taken.
    """
    found: dict[str, Path] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, equals, folder = part.partition("=")
        if not equals or (not folder.startswith(("/", "~")) and not is_url(folder)):
            raise ValueError(f"{part!r} is not NAME=FOLDER with a whole path or a URL, such as camvid=/data/camvid")
        if not re.fullmatch(NAME, name) or name in _TAKEN:
            raise ValueError(f"{name!r} cannot be a name; expected two or more of a-z, 0-9, - and _, and not 'home'")
        if name in found:
            raise ValueError(f"{name!r} is named twice")
        found[name] = folder_of(folder, home)
    return tuple(found.items())
