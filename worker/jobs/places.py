"""Paths in rows: those under the home are kept relative to it, so that a home can move, and lie elsewhere elsewhere.

In the database such a path begins with `home:/`; in Python it is always absolute. The types below translate, in columns
of texts and within JSON, by the home of the session (worker.jobs.database.open_session).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Dialect, Text
from sqlalchemy.types import TypeDecorator

from deeplab.files import real_path

_PREFIX = "home:"

_home: ContextVar[tuple[str, ...]] = ContextVar("home", default=())  # as it was named, and with links resolved


class PlaceText(TypeDecorator[str]):
    """A text that may be a path."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """From Python to the database."""
        return None if value is None else relative(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """From the database to Python."""
        return None if value is None else absolute(value)


class PlaceJson(TypeDecorator[Any]):
    """JSON whose texts may be paths."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """From Python to the database."""
        return in_json(value, relative)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From the database to Python."""
        return in_json(value, absolute)


@contextmanager
def home_is(home: Path) -> Iterator[None]:
    """Let paths in rows be relative to a home within the block."""
    token = _home.set(_names_of(home))
    try:
        yield
    finally:
        _home.reset(token)


@cache  # once in a process: no session shall wait for a file system that hangs
def _names_of(home: Path) -> tuple[str, ...]:
    return str(home), str(real_path(home))


def relative(text: str) -> str:
    """What a row holds of a text: a path under the home without it, anything else as it is."""
    for home in _home.get():
        if text == home or text.startswith(f"{home}/"):
            return f"{_PREFIX}/{text[len(home) + 1 :]}"
    return text


def absolute(text: str) -> str:
    """The text that a row holds, as this process knows it."""
    homes = _home.get()
    if not homes or not text.startswith(f"{_PREFIX}/"):
        return text
    return f"{homes[0]}/{text[len(_PREFIX) + 1 :]}".removesuffix("/")


def in_json(value: Any, translate: Callable[[str], str]) -> Any:
    """Translate every text of a JSON value, keys aside."""
    if isinstance(value, str):
        return translate(value)
    if isinstance(value, dict):
        return {key: in_json(each, translate) for key, each in value.items()}
    if isinstance(value, list):
        return [in_json(each, translate) for each in value]
    return value
