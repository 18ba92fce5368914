"""Tables that say which colour of a mask is which class, as tools write them. Torch-free.

A line is `class R G B` (palette.txt), `R G B name` (CamVid's label_colors.txt) or `name R G B` (class_dict.csv), parted
by blanks, tabs or commas.
"""

from collections.abc import Sequence
from pathlib import Path

from deeplab.datasets.class_names import default_class_names, load_class_names
from deeplab.datasets.colour_table import ColourTable, is_byte
from deeplab.datasets.importing.export import IGNORED, MOST_CLASSES, ClassNames
from deeplab.datasets.importing.files import ExportFiles, read_lines
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import shortened
from deeplab.images.palette import Colour

TABLES = ("palette.txt", "label_colors.txt", "class_dict.csv")

_LABELS = "labels.txt"


def read_colours(files: ExportFiles) -> tuple[list[str], ColourTable]:
    """Read the table of an export, or the one that was named, and the names of the classes.

    Raises:
        DatasetError: if there is no table, or it is malformed.
    """
    path = files.colours or _find(files)
    where = printable(path)
    names, colours = ClassNames(), dict[Colour, int]()
    numbered = False
    for number, fields in _read(path):
        if len(fields) >= 4 and all(map(is_byte, fields[:4])):
            index, colour, numbered = int(fields[0]), _colour(fields[1:4]), True
        elif len(fields) >= 4 and all(map(is_byte, fields[:3])):
            index, colour = names.add(" ".join(fields[3:]), where), _colour(fields[:3])
        elif len(fields) >= 4 and all(map(is_byte, fields[-3:])):
            index, colour = names.add(" ".join(fields[:-3]), where), _colour(fields[-3:])
        elif number == 1:  # the heading of a CSV file
            continue
        else:
            raise DatasetError(
                f"{where}: line {number} is {shortened(' '.join(fields))}; expected 'class R G B', 'R G B name' or"
                " 'name R G B'."
            )
        if colours.setdefault(colour, index) != index:
            raise DatasetError(f"{where}: line {number} gives the colour {colour} to a second class.")
    if not colours:
        raise DatasetError(f"{where}: lists no colour; expected 'class R G B', 'R G B name' or 'name R G B'.")
    return _names_by_number(files, colours, where) if numbered else names.names, ColourTable(colours, path.name)


def _find(files: ExportFiles) -> Path:
    found = [file.path for name in TABLES for file in files.named(name)]
    if not found:
        raise DatasetError(
            f"{printable(files.source)}: has no table of colours, such as {TABLES[0]}; name one by --colours."
        )
    return found[0]


def _read(path: Path) -> list[tuple[int, list[str]]]:
    lines = enumerate(read_lines(path, printable(path)), start=1)
    split = [(number, line.replace(",", " ").split()) for number, line in lines]
    return [(number, fields) for number, fields in split if fields and not fields[0].startswith("#")]


def _names_by_number(files: ExportFiles, colours: dict[Colour, int], where: str) -> list[str]:
    """The names of numbered classes: those of labels.txt, if it is there."""
    n_classes = max((index for index in colours.values() if index != IGNORED), default=-1) + 1
    if not 1 <= n_classes <= MOST_CLASSES:
        raise DatasetError(f"{where}: numbers the classes up to {n_classes - 1}; expected at most {MOST_CLASSES - 1}.")
    found = files.named(_LABELS)
    names = load_class_names(found[0].path) if found else default_class_names(n_classes)
    if len(names) < n_classes:
        raise DatasetError(f"{where}: names the class {n_classes - 1}, but {_LABELS} only {len(names)} classes.")
    return names


def _colour(fields: Sequence[str]) -> Colour:
    red, green, blue = map(int, fields)
    return red, green, blue
