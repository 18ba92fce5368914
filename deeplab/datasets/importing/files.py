"""The files of an export: found by name, and never elsewhere, whatever its annotations say. Torch-free."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from deeplab.confinement import require_readable
from deeplab.datasets.nearby import spelling
from deeplab.errors import DatasetError
from deeplab.files import LARGEST_FILE, printable, read_text, reason_of
from deeplab.formats import plural
from deeplab.images.kinds import IMAGE_SUFFIXES
from deeplab.images.walk import is_wanted, walk_in_order

LARGEST_ANNOTATIONS = 1_000_000_000  # bytes of a file; parsed it takes some times as much memory

_MOST_FILES = 2_000_000
_LEFT_BY_MACS = "__MACOSX/"


@dataclass(frozen=True)
class File:
    """A file of an export."""

    relative: str  # `/` between the parts
    path: Path

    @property
    def name(self) -> str:
        """Without its folders."""
        return self.path.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its folders, and its own."""
        return PurePosixPath(self.relative).parts

    @property
    def stem(self) -> str:
        """The relative path without suffix."""
        return str(PurePosixPath(self.relative).with_suffix(""))

    def __str__(self) -> str:
        return printable(self.relative)


class ExportFiles:
    """The files below a folder, or one file, with the images of another folder.

    Args:
        source: an unpacked export, or its one file of annotations.
        images: where the images lie that the export lacks.
        colours: a table of colours that goes before the export's own.

    Raises:
        DatasetError: if a folder cannot be listed, or holds too many files.
    """

    def __init__(self, source: Path, images: Path | None = None, colours: Path | None = None) -> None:
        self.source, self.colours = source, colours
        own = [File(source.name, source)] if source.is_file() else _list(source)
        self.others = [file for file in own if not is_wanted(file.relative, IMAGE_SUFFIXES)]
        self.images = [file for file in own if is_wanted(file.relative, IMAGE_SUFFIXES)]
        self.more_images = [] if images is None else _list(images, IMAGE_SUFFIXES)

    def named(self, name: str) -> list[File]:
        """The files of a name, in any folder, that are no images."""
        return [file for file in self.others if file.name.lower() == name]

    def ending(self, suffix: str) -> list[File]:
        """The files with a suffix, in any folder, that are no images."""
        return [file for file in self.others if file.name.lower().endswith(suffix)]

    def one_named(self, name: str) -> File:
        """The file of a name. Raises DatasetError if there are none or several."""
        found = self.named(name)
        if len(found) != 1:
            files = " and ".join(map(str, found[:2]))
            problem = f"{files} both have the name {name}; expected one" if found else f"lacks the file {name}"
            raise DatasetError(f"{printable(self.source)}: {problem}.")
        return found[0]


class ImageIndex:
    """Images by what annotations call them.

    Args:
        images: the files that may be meant.
    """

    def __init__(self, images: Iterable[File]) -> None:
        self._by_path: dict[str, File] = {}
        self._by_name = defaultdict[str, list[File]](list)
        self._by_stem = defaultdict[str, list[File]](list)
        for file in images:
            self._by_path[spelling(file.relative)] = file
            self._by_name[spelling(file.name)].append(file)
            self._by_stem[spelling(PurePosixPath(file.name).stem)].append(file)

    def find(self, name: str, near: str = "") -> File | None:
        """Find the image of a path that an annotation names: there, else in any folder.

        Args:
            name: the path; of it counts what is also the end of a file's path here.
            near: the folder in which it is expected.

        Raises:
            DatasetError: if several files may be meant.
        """
        parts = _parts(name)
        if not parts:
            return None
        exact = self._by_path.get("/".join([*_parts(near), *parts]))
        return exact or _choose(self._by_name.get(parts[-1], []), parts, near, lambda file: file.relative)

    def find_by_stem(self, stem: str, near: str = "") -> File | None:
        """Find the image of a mask, whose path without suffix is given. Raises DatasetError if several may be meant."""
        whole, parts = self.find(stem, near), _parts(stem)
        return whole or _choose(self._by_stem.get(parts[-1], []), parts, near, lambda file: file.stem)


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises DatasetError if it cannot be read or is too large."""
    try:
        require_readable(path)
        require_bounded(path)
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{printable(path)}: the annotations cannot be read: {reason_of(error)}.") from error


def read_lines(path: Path, where: str) -> list[str]:
    """Read the lines of a small text file. Raises DatasetError if that fails; the sentence begins with `where`."""
    try:
        return read_text(path, LARGEST_FILE).splitlines()
    except (OSError, UnicodeError) as error:
        raise DatasetError(f"{where}: cannot be read: {reason_of(error)}.") from error


def require_bounded(path: Path) -> None:
    """Refuse annotations that do not fit into memory. Raises DatasetError."""
    if path.stat().st_size > LARGEST_ANNOTATIONS:
        raise DatasetError(f"{printable(path)}: has more than {LARGEST_ANNOTATIONS:,} bytes, the limit.")


def _list(folder: Path, wanted: frozenset[str] | None = None) -> list[File]:
    files = []
    for found in walk_in_order(folder, IMAGE_SUFFIXES):
        if found.path.startswith(_LEFT_BY_MACS) or (wanted and not is_wanted(found.path, wanted)):
            continue
        files.append(File(found.path, folder / found.path))
        if len(files) > _MOST_FILES:
            raise DatasetError(f"{printable(folder)}: holds more than {_MOST_FILES:,} files, the limit.")
    return files


def _parts(name: str) -> list[str]:
    return [part for part in spelling(name).replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _choose(candidates: list[File], parts: list[str], near: str, path_of: Callable[[File], str]) -> File | None:
    """The file whose path ends with most of the parts; of several the one that lies highest."""
    for wanted in ("/".join([*_parts(near), *parts]), "/".join(parts), parts[-1]):
        matching = [file for file in candidates if f"/{spelling(path_of(file))}".endswith(f"/{wanted}")]
        highest = sorted(matching, key=lambda file: len(file.parts))[:2]
        if len(highest) == 2 and len(highest[0].parts) == len(highest[1].parts):
            files = " and ".join(map(str, highest))
            raise DatasetError(f"{files} may both be {printable('/'.join(parts))!r}; expected one file.")
        if highest:
            return highest[0]
    return None


def describe_missing(missing: list[str], where: str) -> str:
    """Say that images are not there."""
    return (
        f"{where}: {plural(len(missing), 'image')} that it names {'is' if len(missing) == 1 else 'are'} not there, such"
        f" as {printable(missing[0])!r}; name the folder of the images by --images."
    )
