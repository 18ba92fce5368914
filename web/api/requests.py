"""Reads and checks what is sent to the API: bodies and queries."""

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from worker.jobs.catalog import LARGEST_INTEGER, parse_integer
from worker.jobs.requests.specs import SpecError


def read_body() -> dict[str, Any]:
    """Read the JSON object in the body.

    Raises:
        UnsupportedMediaType: if it is not application/json, which a foreign page cannot send unasked.
        BadRequest: if it is malformed or not an object.
    """
    try:
        body = request.get_json()
    except BadRequest as error:
        raise BadRequest("The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object, such as {}.")
    return body


def read_number(name: str, default: int | None, largest: int = LARGEST_INTEGER, *, smallest: int = 0) -> int | None:
    """Read a whole number in the query, from `smallest` to `largest`.

    Raises:
        SpecError: if it is something else.
    """
    text = request.args.get(name)
    if text is None:
        return default
    number = parse_integer(text, largest)
    if number is None or number < smallest:
        raise SpecError({name: f"must be a whole number from {smallest} to {largest}, got {text!r}."})
    return number


def read_choice(name: str, known: tuple[str, ...]) -> str | None:
    """Read a word in the query.

    Raises:
        SpecError: if it is not a known one.
    """
    text = request.args.get(name)
    if text is not None and text not in known:
        raise SpecError({name: f"must be one of {', '.join(known)}, got {text!r}."})
    return text
