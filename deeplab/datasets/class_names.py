"""The names of the classes of a data set. Torch-free."""

from pathlib import Path

from deeplab.errors import DatasetError


def load_class_names(path: Path, n_classes: int | None = None) -> list[str]:
    """Read a labels file: one `index<TAB>name` per line, indices 0, 1, 2 ... in order. Blank lines are skipped.

    Args:
        path: the file, UTF-8.
        n_classes: how many names it must hold; None for any number.

    Raises:
        DatasetError: if the file cannot be read, a line has another form, an index is missing or comes twice, or the
            number of names is not `n_classes`.
    """
    names: list[str] = []
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if line.strip():
            names.append(_parse_line(line, expected=len(names), where=f"{path}: line {number}"))
    if not names:
        raise DatasetError(f"{path}: the labels file is empty; expected one 'index<TAB>name' per line.")
    if n_classes is not None and len(names) != n_classes:
        raise DatasetError(f"{path}: the file names {len(names)} classes, but DATASET.N_CLASSES is {n_classes}.")
    return names


def default_class_names(n_classes: int) -> list[str]:
    """Names for classes that nobody named: "class 0", "class 1" ..."""
    return [f"class {index}" for index in range(n_classes)]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        places = "" if path.is_absolute() else f", neither in {Path.cwd()} nor in the configuration file's folder"
        raise DatasetError(f"{path}: the labels file does not exist{places}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: the labels file cannot be read: {error}.") from error


def _parse_line(line: str, expected: int, where: str) -> str:
    index, tab, name = line.partition("\t")
    if not tab or not index.strip().isdecimal() or not name.strip():
        raise DatasetError(f"{where} is {line!r}; expected 'index<TAB>name'.")
    if int(index) < expected:
        raise DatasetError(f"{where}: class {int(index)} comes twice or out of order; expected class {expected}.")
    if int(index) > expected:
        raise DatasetError(f"{where}: class {expected} is missing before class {int(index)}.")
    return name.strip()
