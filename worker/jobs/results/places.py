"""Places in an order of images: where a page begins or ends, as addresses and as SQL have it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from worker.jobs.results.filters import UNKNOWN, Clauses, QuestionError, Sort


@dataclass(frozen=True)
class Place:
    """An image's place in an order, and in which direction to look from it."""

    value: Any
    key: int
    back: bool


def known_value(place: Place) -> Any:
    """The value that put an image at its place; None if it was not known."""
    return None if isinstance(place.value, float) and abs(place.value) >= UNKNOWN else place.value


def write_cursor(place: Place, *, back: bool) -> str:
    """The page after a place in an order, or before it, as addresses have it."""
    text = json.dumps([place.value, str(place.key), back], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(text: str, order: Sort) -> Place:
    """Read what `write_cursor` wrote of a page in an order.

    Raises:
        QuestionError: if it is something else.
    """
    try:
        value, key, back = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(value, bool) or not isinstance(value, str if order.by_text else float | int):
            raise ValueError
        if not isinstance(back, bool) or not 0 <= int(key) < 2**64:
            raise ValueError
        return Place(value, int(key), back)
    except (ValueError, TypeError, UnicodeError):
        raise QuestionError(f"cursor is not one of this list's pages, got {text!r}.") from None


def require_beyond(clauses: Clauses, order: Sort, place: Place) -> None:
    """Let through what comes after a place in an order, or before it."""
    rising = order.falling == place.back
    sign = ">" if rising else "<"
    key_sign = "<" if place.back else ">"
    clauses.require(
        f'{order.value} {sign}= $value AND ({order.value} {sign} $value OR "key" {key_sign} $place)',
        value=place.value,
        place=place.key,
    )


def direction(order: Sort, *, back: bool) -> str:
    """The order of a query that names `value` and `key`, as SQL."""
    value = "DESC" if order.falling != back else "ASC"
    return f'value {value}, "key" {"DESC" if back else "ASC"}'
