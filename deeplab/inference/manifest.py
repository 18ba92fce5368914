"""The table of a segmentation: a CSV file with a row per image. Torch-free."""

import csv
import errno
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from deeplab.errors import NothingSegmentedError, OutputError
from deeplab.files import make_folder, printable, replace_file

COLUMNS = ("path", "width", "height", "status", "error", "seconds", "pixels")


@dataclass(frozen=True)
class Row:
    """The result of one image."""

    path: str  # relative to the input folder, `/` between the parts; may contain surrogate escapes
    width: int | None  # pixels, upright; None if the image could not be decoded
    height: int | None
    status: Literal["ok", "error"]
    error: str  # one sentence; empty for "ok"
    seconds: float  # of work on this image: to decode it, its part of the batch, to write it
    pixels: Mapping[int, int]  # by class that occurs; empty after an error


def read_manifest(path: Path) -> list[Row]:
    """Read the rows of a manifest; none if the file does not exist. A last row that was cut short is left out.

    Raises:
        OutputError: if the file cannot be read, or has a line that no segmentation wrote.
    """
    return _parse(path, _complete_part(_read(path)))


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write a manifest, whole or not at all. Makes missing folders.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(_encode([COLUMNS, *(_fields(row) for row in rows)]))


def require_success(path: Path) -> None:
    """Check that a manifest has a row without an error.

    Raises:
        NothingSegmentedError: if it has none.
    """
    rows = read_manifest(path)
    if all(row.status == "error" for row in rows):
        raise NothingSegmentedError(len(rows), rows[0].error)


class ManifestWriter:
    """Appends rows to a new manifest, each flushed before `add` returns.

    Args:
        path: the file; an older one is replaced.
        keep: the first rows, such as those of a run that is continued.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path, keep: Iterable[Row] = ()) -> None:
        write_manifest(path, keep)
        self._path = path
        self._file = path.open("ab", buffering=0)

    def add(self, row: Row) -> None:
        """Append a row.

        Raises:
            OutputError: if it cannot be written, such as on a full disk.
        """
        line = _encode([_fields(row)])
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise OutputError(f"{printable(self._path)}: cannot be written: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise OutputError(f"{printable(path)}: the manifest cannot be read: {error.strerror}.") from error


def _complete_part(content: bytes) -> bytes:
    """Cut off what follows the last line end outside of quotes: a killed process can leave half a row."""
    end, quotes, start = 0, 0, 0
    for line in content.splitlines(keepends=True):
        start += len(line)
        quotes += line.count(b'"')
        if line.endswith(b"\n") and quotes % 2 == 0:
            end = start
    return content[:end]


def _parse(path: Path, content: bytes) -> list[Row]:
    lines = csv.reader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = next(lines, COLUMNS)
        if tuple(header) != COLUMNS:
            raise ValueError
        rows.extend(_row(*fields) for fields in lines)
    except (csv.Error, ValueError, TypeError, AttributeError):
        raise OutputError(
            f"{printable(path)}: line {max(lines.line_num, 1)} is not from a manifest; expected {','.join(COLUMNS)}."
        ) from None
    return rows


def _row(path: str, width: str, height: str, status: str, error: str, seconds: str, pixels: str) -> Row:
    if status not in {"ok", "error"}:
        raise ValueError
    return Row(
        path=path,
        width=int(width) if width else None,
        height=int(height) if height else None,
        status="ok" if status == "ok" else "error",
        error=error,
        seconds=float(seconds),
        pixels={int(index): int(count) for index, count in json.loads(pixels).items()},
    )


def _fields(row: Row) -> tuple[object, ...]:
    pixels = json.dumps({str(index): count for index, count in row.pixels.items()}, separators=(",", ":"))
    return row.path, row.width, row.height, row.status, row.error, f"{row.seconds:.3f}", pixels


def _encode(records: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(records)
    return text.getvalue().encode("utf-8", "surrogateescape")
