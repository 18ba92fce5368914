"""Places in an order of images: where a page begins or ends, as addresses and as SQL have it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
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


def cursors_beside(places: Sequence[Place], start: Place | None, *, more: bool) -> tuple[str | None, str | None]:
    """The cursors of the pages before and after one; None where there is none.

    Args:
        places: of the page, in their order.
        start: from which they were looked for; None: from the beginning.
        more: whether the order goes on behind them, in the direction of the look.
    """
    if not places:
        return None, None
    back = start is not None and start.back
    has_previous, has_following = (more, True) if back else (start is not None, more)
    return (
        write_cursor(places[0], back=True) if has_previous else None,
        write_cursor(places[-1], back=False) if has_following else None,
    )


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
