"""Format numbers, durations, lists and tables, alike in pages, commands and errors. Torch-free."""

import json
from collections.abc import Callable, Mapping, Sequence

from deeplab.files import visible

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration(seconds: float) -> str:
    """Format a duration in its two largest units: "0.4 s", "42 s", "3 min 20 s", "5 h 12 min", "2 d 3 h"."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    for unit, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // smaller} {smaller_name}"
    return f"{whole} s"


def words_of(error: Exception) -> str:
    """What a library's error says, in one line without a full stop; its type if it says nothing."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def percent(fraction: float) -> str:
    """Format a fraction: "21.3 %"."""
    return f"{100 * fraction:.1f} %"


def shortened(value: object, longest: int = 60) -> str:
    """A value as a sentence about it shows it: as in JSON, but for quotes, at most so many characters."""
    if value is None:
        return "nothing"
    try:
        is_plain = isinstance(value, str | float)
        text = repr(value) if is_plain else json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, TypeError, RecursionError):  # thousands of digits, or of lists in lists
        return f"something of type {type(value).__name__}"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def dimensions(shape: Sequence[int]) -> str:
    """Format (height, width, ...) in pixels as people do: "640x480"."""
    return f"{shape[1]}x{shape[0]}"


def size(n_bytes: float) -> str:
    """Format a number of bytes with three digits: "512 B", "2.05 kB", "178 MB"."""
    if n_bytes < 999.5:
        return f"{round(n_bytes)} B"
    for unit in ("kB", "MB", "GB"):
        n_bytes /= 1000
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
    return f"{n_bytes / 1000:.3g} TB" if n_bytes < 999_500 else f"{n_bytes / 1000:.0f} TB"


def plural(count: int, noun: str) -> str:
    """Format a count with its noun: "1 image", "3 images"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def images_and_videos(n_files: int, n_videos: int, n_frames: int, count: Callable[[int, str], str] = plural) -> str:
    """Format how many files there are: "3 images", "1 video (250 frames)", "3 images and 1 video (250 frames)".

    Args:
        n_files: images and videos.
        n_videos: how many of them are videos.
        n_frames: in these videos.
        count: formats a count with its noun.
    """
    if not n_videos:
        return count(n_files, "image")
    videos = f"{count(n_videos, 'video')} ({count(n_frames, 'frame')})"
    return videos if n_videos == n_files else f"{count(n_files - n_videos, 'image')} and {videos}"


def list_briefly(names: Sequence[str], limit: int = 5) -> str:
    """Format the first names of a list: "a, b, c, d, e and 2 more"."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"


def describe_differences(noun: str, names_by_kind: Mapping[str, Sequence[str]]) -> str:
    """Say what differs, for an error: "7 keys missing (a, b, c, d, e and 2 more), 1 key unexpected (f)".

    Args:
        noun: what the names are of, such as "key".
        names_by_kind: those that are missing, unexpected and so on; a kind without names is left out.
    """
    return ", ".join(
        f"{plural(len(names), noun)} {kind} ({list_briefly(names)})" for kind, names in names_by_kind.items() if names
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Align rows in columns under their headings, numbers to the right. There must be at least one row."""
    cells = [[" ".join(visible(str(cell)).split("\n")) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    is_right = [all(_is_number(cell) for cell in column) for column in zip(*cells, strict=True)]
    return "\n".join(_align(line, widths, is_right) for line in (headings, *cells))


def _align(cells: Sequence[str], widths: Sequence[int], is_right: Sequence[bool]) -> str:
    aligned = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_right, strict=True)
    )
    return "  ".join(aligned).rstrip()


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(".", "", 1).isdecimal()
