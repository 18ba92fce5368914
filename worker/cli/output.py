"""What commands print: tables for people, JSON for scripts."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from deeplab.files import is_plain
from deeplab.formats import table
from worker.jobs.plain_json import as_json

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Give a command the option `--json`, which it receives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def print_json(value: Any) -> None:
    """Print a value; dataclasses become objects, paths text, and what is not a finite number null."""
    text = json.dumps(as_json(value), indent=2, ensure_ascii=False, allow_nan=False)
    click.echo("".join(each if is_plain(each) or each == "\n" else f"\\u{ord(each):04x}" for each in text))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print rows as a table; the sentence `empty` if there is no row."""
    if not rows:
        click.echo(empty)
        return
    click.echo(table(headings, rows))
