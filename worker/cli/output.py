"""What commands print: tables for people, JSON for scripts."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from worker.jobs.plain_json import as_json

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Give a command the option `--json`, which it receives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def print_json(value: Any) -> None:
    """Print a value; dataclasses become objects, paths text, and what is not a finite number null."""
    click.echo(json.dumps(as_json(value), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print rows in aligned columns, numbers to the right; the sentence `empty` if there is no row."""
    if not rows:
        click.echo(empty)
        return
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    right = [all(_is_number(cell) for cell in column) for column in zip(*cells, strict=True)]
    for line in (headings, *cells):
        padded = (
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, right, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def duration(seconds: float | None) -> str:
    """A time span for people: "42 s", "3 min 20 s", "2 h 05 min"; empty if there is none."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def size(n_bytes: int) -> str:
    """A file size for people."""
    return f"{n_bytes / 1e6:.1f} MB"


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(".", "", 1).isdecimal()
