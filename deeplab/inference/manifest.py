"""The tables of a segmentation, as CSV: a row per image or video, and of each video a row per frame. Torch-free."""

import csv
import errno
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from deeplab.errors import NothingSegmentedError, OutputError
from deeplab.files import make_folder, printable, replace_file
from deeplab.scores.image_scores import Certainty

_FIRST_COLUMNS = ("path", "width", "height", "status", "error", "seconds", "pixels")
COLUMNS = (*_FIRST_COLUMNS, "frames", "confidence", "class_confidence")
_FORMULA = r"[=+\-@\t\r]"  # how it begins
_LOOKS_LIKE_FORMULA, _IS_GUARDED = re.compile(f"'*{_FORMULA}"), re.compile(f"'+{_FORMULA}")
FRAME_COLUMNS = ("frame", "time", "pixels", "confidence", "class_confidence")
_EARLIER_COLUMNS = (_FIRST_COLUMNS, COLUMNS[:-2])  # of manifests from before there were videos, and confidence
_EARLIER_FRAME_COLUMNS = FRAME_COLUMNS[:-2]


@dataclass(frozen=True)
class Row:
    """The result of one image or video."""

    path: str  # relative to the input folder, `/` between the parts; may contain surrogate escapes
    width: int | None  # pixels, upright, of a video's first frame; None if nothing could be decoded
    height: int | None
    status: Literal["ok", "error"]
    error: str  # one sentence; empty for "ok"
    seconds: float  # of work on this image: to decode it, its part of the batch, to write it
    pixels: Mapping[int, int]  # by class that occurs, of all frames; empty after an error
    frames: int | None = None  # how many frames of a video were segmented, before an error too; None: an image
    certainty: Certainty | None = None  # without label quality; of all frames; None if it was not asked for


@dataclass(frozen=True)
class FrameRow:
    """The result of one frame of a video."""

    frame: int  # its number among all frames of the video that can be decoded, from 0
    time: float  # seconds since the first frame, by the video's own clock
    pixels: Mapping[int, int]  # by class that occurs
    certainty: Certainty | None = None  # without label quality; None if it was not asked for


def read_manifest(path: Path) -> list[Row]:
    """Read the rows of a manifest; none if the file does not exist. A last row that was cut short is left out.

    Raises:
        OutputError: if the file cannot be read, or has a line that no segmentation wrote.
    """
    content = _complete_part(_read(path)).decode("utf-8", "surrogateescape")
    return list(_parse(path, io.StringIO(content, newline=""))) if content else []


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write a manifest, whole or not at all. Makes missing folders.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(_encode([COLUMNS]))
        for row in rows:
            file.write(_encode([_fields(row)]))


def stream_manifest(path: Path) -> Iterator[Row]:
    """Yield the rows of a complete manifest one after the other.

    Raises:
        OutputError: if the file cannot be read, or has a line that no segmentation wrote.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from _parse(path, file)
    except OSError as error:
        raise _unreadable(path, error) from error


def require_success(path: Path) -> None:
    """Check that a manifest has a row without an error.

    Raises:
        NothingSegmentedError: if it has none.
    """
    rows = read_manifest(path)
    if all(row.status == "error" for row in rows):
        raise NothingSegmentedError(len(rows), rows[0].error)


@contextmanager
def write_frames(path: Path) -> Iterator[Callable[[FrameRow], None]]:
    """Write the table of a video's frames, whole or not at all: the block receives a function that adds a row.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(_encode([FRAME_COLUMNS]))
        yield lambda row: _write_all(file, _encode([_frame_fields(row)]))


def read_frames(path: Path) -> Iterator[FrameRow]:
    """Read the rows of a table of frames one after the other.

    Raises:
        OutputError: if the file cannot be read, or has a line that no segmentation wrote.
    """
    try:
        with path.open(encoding="ascii", newline="") as file:
            lines = csv.reader(file, strict=True)
            if tuple(next(lines, ())) not in (FRAME_COLUMNS, _EARLIER_FRAME_COLUMNS):
                raise ValueError
            for fields in lines:
                yield _frame_row(*fields)
    except OSError as error:
        raise OutputError(f"{printable(path)}: the table of frames cannot be read: {error.strerror}.") from error
    except (csv.Error, ValueError, TypeError, AttributeError):
        raise OutputError(f"{printable(path)}: is not a table of frames; expected {','.join(FRAME_COLUMNS)}.") from None


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
        try:
            _write_all(self._file, _encode([_fields(row)]))
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
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{printable(path)}: the manifest cannot be read: {error.strerror}.")


def _complete_part(content: bytes) -> bytes:
    """Cut off what follows the last line end outside of quotes: a killed process can leave half a row."""
    end, quotes, start = 0, 0, 0
    for line in content.splitlines(keepends=True):
        start += len(line)
        quotes += line.count(b'"')
        if line.endswith(b"\n") and quotes % 2 == 0:
            end = start
    return content[:end]


def _parse(path: Path, text: Iterable[str]) -> Iterator[Row]:
    lines = csv.reader(text, strict=True)
    try:
        header = tuple(next(lines, ()))
        if header not in (COLUMNS, *_EARLIER_COLUMNS):
            raise ValueError
        for fields in lines:
            yield _row(*fields)
    except (csv.Error, ValueError, TypeError, AttributeError):
        raise OutputError(
            f"{printable(path)}: line {max(lines.line_num, 1)} is not from a manifest; expected {','.join(COLUMNS)}."
        ) from None


def _row(
    path: str,
    width: str,
    height: str,
    status: str,
    error: str,
    seconds: str,
    pixels: str,
    frames: str = "",
    confidence: str = "",
    class_confidence: str = "",
) -> Row:
    if status not in {"ok", "error"}:
        raise ValueError
    return Row(
        path=_unguarded(path),
        width=int(width) if width else None,
        height=int(height) if height else None,
        status="ok" if status == "ok" else "error",
        error=_unguarded(error),
        seconds=float(seconds),
        pixels=_read_pixels(pixels),
        frames=int(frames) if frames else None,
        certainty=_read_certainty(confidence, class_confidence) if confidence else None,
    )


def _fields(row: Row) -> tuple[object, ...]:
    numbers = f"{row.seconds:.3f}", _pixels_text(row.pixels), row.frames
    path, error = guarded(row.path), guarded(row.error)
    return path, row.width, row.height, row.status, error, *numbers, *_certainty_texts(row.certainty)


def _frame_row(frame: str, time: str, pixels: str, confidence: str = "", class_confidence: str = "") -> FrameRow:
    certainty = _read_certainty(confidence, class_confidence) if confidence else None
    return FrameRow(int(frame), float(time), _read_pixels(pixels), certainty)


def _frame_fields(row: FrameRow) -> tuple[object, ...]:
    return row.frame, f"{row.time:.6f}", _pixels_text(row.pixels), *_certainty_texts(row.certainty)


def guarded(text: str) -> str:
    """Keep spreadsheets from taking a text for a formula: put a quote before one that begins like that."""
    return f"'{text}" if _LOOKS_LIKE_FORMULA.match(text) else text


def _unguarded(text: str) -> str:
    """The text that `guarded` made this of."""
    return text[1:] if _IS_GUARDED.match(text) else text


def _read_certainty(top: str, top_by_class: str) -> Certainty:
    by_class = {int(index): float(value) for index, value in json.loads(top_by_class).items()}
    return Certainty(float(top), by_class, label_quality=None, label_quality_by_class={})


def _certainty_texts(certainty: Certainty | None) -> tuple[str, str]:
    if certainty is None:
        return "", ""
    by_class = {str(index): round(value, 6) for index, value in certainty.top_by_class.items()}
    return f"{certainty.top:.6f}", json.dumps(by_class, separators=(",", ":"))


def _read_pixels(text: str) -> dict[int, int]:
    return {int(index): int(count) for index, count in json.loads(text).items()}


def _pixels_text(pixels: Mapping[int, int]) -> str:
    """The counts as JSON, which a million rows need quicker than json.dumps makes it."""
    return "{" + ",".join([f'"{index}":{count}' for index, count in pixels.items()]) + "}"


def _encode(records: Iterable[Iterable[object]]) -> bytes:
    return "".join(map(_line, records)).encode("utf-8", "surrogateescape")


class _Echo:
    """A file that returns what is written to it, as does the `writerow` of its writer."""

    @staticmethod
    def write(text: str) -> str:
        return text


_WRITER = csv.writer(_Echo(), lineterminator="\r\n")  # so that both characters are quoted inside of fields


def _line(record: Iterable[object]) -> str:
    text: str = _WRITER.writerow(record)
    return text[:-2] + "\n"


def _write_all(file: BinaryIO | FileIO, content: bytes) -> None:
    if file.write(content) != len(content):  # a file without a buffer says so of a full disk
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
