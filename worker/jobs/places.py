"""Paths in rows: those under the home or a named root are kept relative to it, because it lies elsewhere elsewhere.

In the database such a path begins with `home:/`, or with the name of its root (`DEEPLAB_NAMED_ROOTS`); in Python it is
always absolute. The types below translate, in columns of texts and within JSON, by the places of the session
(worker.jobs.database.open_session).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import JSON, Dialect, Text
from sqlalchemy.types import TypeDecorator

from deeplab.errors import DeepLabError
from worker.jobs.named_places import NAME

Places = tuple[tuple[str, str], ...]  # name and folder; of several folders of one name, the first is the one to use

_places: ContextVar[Places] = ContextVar("places", default=())
_RELATIVE = re.compile(rf"({NAME}):/(?!/)")


class UnknownRootError(DeepLabError):
    """A path lies in a named root that this machine does not have."""

    def __init__(self, field: str, path: str, name: str) -> None:
        super().__init__(
            f"{field}: {path} lies in the root {name!r}, which this machine does not have; name its folder in"
            " DEEPLAB_NAMED_ROOTS."
        )


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
def places_are(places: Places) -> Iterator[None]:
    """Let paths in rows be relative to some folders within the block."""
    token = _places.set(places)
    try:
        yield
    finally:
        _places.reset(token)


def relative(text: str, places: Places | None = None) -> str:
    """What a row holds of a text: a path under a place without it, anything else as it is."""
    for name, folder in _places.get() if places is None else places:
        if text == folder or text.startswith(f"{folder}/"):
            return f"{name}:/{text[len(folder) + 1 :]}"
    return text


def absolute(text: str) -> str:
    """The text that a row holds, as this process knows it."""
    for name, folder in _places.get():
        if text.startswith(f"{name}:/") and not text.startswith(f"{name}://"):
            return f"{folder}/{text[len(name) + 2 :]}".removesuffix("/")
    return text


def is_relative(text: str) -> bool:
    """Whether a text is a path as rows hold it."""
    return _RELATIVE.match(text) is not None


def require_known(paths: Mapping[str, str]) -> None:
    """Refuse paths, by field, of which this machine does not know the root. Raises UnknownRootError."""
    for field, path in paths.items():
        if (found := _RELATIVE.match(path)) is not None:
            raise UnknownRootError(field, path, found[1])


def in_json(value: Any, translate: Callable[[str], str]) -> Any:
    """Translate every text of a JSON value, keys aside."""
    if isinstance(value, str):
        return translate(value)
    if isinstance(value, dict):
        return {key: in_json(each, translate) for key, each in value.items()}
    if isinstance(value, list):
        return [in_json(each, translate) for each in value]
    return value
