"""The names of a dataset's classes, and the colours that people gave them, from its labels file. Torch-free."""

import re
from collections.abc import Iterable
from pathlib import Path

from deeplab.errors import DatasetError
from deeplab.files import LARGEST_FILE, is_plain, printable, read_text, reason_of, write_text
from deeplab.formats import shortened
from deeplab.images.palette import Colour
from deeplab.mirrors import local_path
from deeplab.schema import Dataset

_MOST_CLASSES = 255  # masks are of 8 bits, and 255 marks pixels without a class
_LONGEST_NAME = 200  # characters
_LONGEST_INDEX = 10  # digits


def class_names_of(settings: Dataset) -> list[str]:
    """Read the class names of a DATASET section; without a labels file they are `default_class_names`.

    Raises:
        DatasetError: if the labels file is malformed or does not name N_CLASSES classes.
    """
    if settings.LABELS is None:
        return default_class_names(settings.N_CLASSES)
    return load_class_names(local_path(settings.LABELS), settings.N_CLASSES)


def default_class_names(n_classes: int) -> list[str]:
    """Make up names for unnamed classes: "class 0", "class 1" ..."""
    return [f"class {index}" for index in range(n_classes)]


def load_class_names(path: Path, n_classes: int | None = None) -> list[str]:
    """Read a labels file: one `index<TAB>name` per line, indices 0, 1, 2 ... in order. Blank lines are skipped.

    A line may go on with a tab and the colour of the class, `#rrggbb`; see `load_class_colours`.

    Args:
        path: the file, UTF-8.
        n_classes: how many names it must hold; None for any number.

    Raises:
        DatasetError: if the file cannot be read, a line is malformed, an index is missing or appears twice, or there
            are not `n_classes` names.
    """
    names = [name for name, _ in _read_lines(path)]
    if not names:
        raise DatasetError(f"{printable(path)}: the labels file is empty; expected one 'index<TAB>name' per line.")
    if n_classes is not None and len(names) != n_classes:
        raise DatasetError(
            f"{printable(path)}: the file names {len(names)} classes, but DATASET.N_CLASSES is {n_classes}."
        )
    return names


def load_class_colours(path: Path) -> dict[int, Colour]:
    """Read the colours that a labels file gives to classes: `index<TAB>name<TAB>#rrggbb`. They are for people to see.

    Masks are read and written without them.

    Raises:
        DatasetError: if the file cannot be read, or a line is malformed.
    """
    return {index: colour for index, (_, colour) in enumerate(_read_lines(path)) if colour is not None}


def save_class_names(path: Path, class_names: Iterable[str]) -> None:
    """Write a labels file. Raises OutputError if it cannot be written."""
    write_text(path, "".join(f"{index}\t{name}\n" for index, name in enumerate(class_names)))


def _read_text(path: Path) -> str:
    try:
        return read_text(path, LARGEST_FILE)
    except FileNotFoundError:
        places = "" if path.is_absolute() else f", neither in {Path.cwd()} nor in the configuration file's folder"
        raise DatasetError(f"{printable(path)}: the labels file does not exist{places}.") from None
    except (OSError, UnicodeError) as error:
        raise DatasetError(f"{printable(path)}: the labels file cannot be read: {reason_of(error)}.") from error


def _read_lines(path: Path) -> list[tuple[str, Colour | None]]:
    lines: list[tuple[str, Colour | None]] = []
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if len(lines) == _MOST_CLASSES and line.strip():
            raise DatasetError(f"{printable(path)}: the file names more than {_MOST_CLASSES} classes, the limit.")
        if line.strip():
            lines.append(_parse_line(line, expected=len(lines), where=f"{printable(path)}: line {number}"))
    return lines


def _parse_line(line: str, expected: int, where: str) -> tuple[str, Colour | None]:
    index, tab, rest = line.partition("\t")
    name, coloured, colour = rest.partition("\t")
    if not tab or not index.strip().isdecimal() or not name.strip():
        expectation = "; expected 'index<TAB>name'."
        raise DatasetError(
            f"{where} is {shortened(line)}{expectation}", discreet=f"{where} is something else{expectation}"
        )
    number = int(index) if len(index.strip()) <= _LONGEST_INDEX else _MOST_CLASSES
    if number < expected:
        raise DatasetError(f"{where}: class {number} appears twice or out of order; expected class {expected}.")
    if number > expected:
        raise DatasetError(f"{where}: class {expected} is missing before class {index.strip()[:_LONGEST_INDEX]}.")
    if len(name.strip()) > _LONGEST_NAME or not is_plain(name.strip()):
        raise DatasetError(
            f"{where}: the name of class {expected} must be plain text of at most {_LONGEST_NAME} characters."
        )
    return name.strip(), _parse_colour(colour.strip(), where) if coloured and colour.strip() else None


def _parse_colour(text: str, where: str) -> Colour:
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        expected = "expected a colour such as #8f3a00."
        raise DatasetError(f"{where}: the colour is {shortened(text)}; {expected}", discreet=f"{where}: {expected}")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
