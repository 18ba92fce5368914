"""Reads and checks what is sent to the API: bodies and queries."""

from collections.abc import Sequence
from typing import Any, overload

from flask import request
from werkzeug.exceptions import BadRequest

from web.errors import QueryError
from worker.jobs.catalog import LARGEST_INTEGER, parse_integer

_DEEPEST = 10  # levels of a body
_LARGEST_PAGE = 500  # lines of a list


def read_body() -> dict[str, Any]:
    """Read the JSON object in the body.

    Raises:
        UnsupportedMediaType: if it is not application/json, which a foreign page cannot send unasked.
        BadRequest: if it is malformed, nested too deep or not an object.
    """
    too_deep = BadRequest(f"The body is nested deeper than {_DEEPEST} levels.")
    try:
        body = request.get_json()
    except BadRequest as error:
        raise BadRequest("The body is not valid JSON.") from error
    except RecursionError:
        raise too_deep from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object, such as {}.")
    if _is_deeper(body, _DEEPEST):
        raise too_deep
    return body


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in each other more than so many times."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for each in layer
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, list | dict) for each in layer)


def read_limit(default: int) -> int:
    """Read ?limit=, how many lines of a list are wanted. Raises QueryError as `read_number`."""
    return read_number("limit", default, _LARGEST_PAGE, smallest=1)


def require_known(*names: str) -> None:
    """Check that the query has no other parameters than these.

    Raises:
        QueryError: if it has, such as one that is misspelt.
    """
    known = f"the parameters are {', '.join(names)}" if names else "there are none"
    if unknown := [name for name in request.args if name not in names]:
        raise QueryError(dict.fromkeys(unknown, f"is not a parameter of this address; {known}."))


def read_fields(known: Sequence[str]) -> list[str]:
    """Read ?fields=, names with commas between them: the fields of each line of a list; empty if it is not given.

    Raises:
        QueryError: if there is no field of such a name.
    """
    names = [name.strip() for name in request.args.get("fields", "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        raise QueryError({"fields": f"has the unknown {', '.join(unknown)}; the fields are {', '.join(known)}."})
    return list(dict.fromkeys(names))


@overload
def read_number(name: str, default: int, largest: int = ..., *, smallest: int = ...) -> int: ...
@overload
def read_number(name: str, default: None, largest: int = ..., *, smallest: int = ...) -> int | None: ...
def read_number(name: str, default: int | None, largest: int = LARGEST_INTEGER, *, smallest: int = 0) -> int | None:
    """Read a whole number in the query, from `smallest` to `largest`.

    Raises:
        QueryError: if it is something else.
    """
    text = request.args.get(name)
    if text is None:
        return default
    number = parse_integer(text, largest)
    if number is None or number < smallest:
        raise QueryError({name: f"must be a whole number from {smallest} to {largest}, got {text!r}."})
    return number


def read_choice(name: str, known: tuple[str, ...]) -> str | None:
    """Read a word in the query.

    Raises:
        QueryError: if it is not a known one.
    """
    text = request.args.get(name)
    if text is not None and text not in known:
        raise QueryError({name: f"must be one of {', '.join(known)}, got {text!r}."})
    return text
