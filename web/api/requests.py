"""What the API is asked: bodies and queries, read and checked."""

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from worker.jobs.specs import SpecError

LARGEST_NUMBER = 2**31 - 1  # that every database can compare with the number of a row


def read_body() -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        UnsupportedMediaType: if it is of another content type. A foreign page can send no other without asking first.
        BadRequest: if it is malformed, or no object.
    """
    try:
        body = request.get_json()
    except BadRequest as error:
        raise BadRequest("The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object, such as {}.")
    return body


def read_number(name: str, default: int | None, largest: int = LARGEST_NUMBER) -> int | None:
    """A whole number of the query, from 0 to `largest`.

    Raises:
        SpecError: if it is something else.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) > largest:
        raise SpecError({name: f"must be a whole number from 0 to {largest}, got {text!r}."})
    return int(text)


def read_choice(name: str, known: tuple[str, ...]) -> str | None:
    """A word of the query.

    Raises:
        SpecError: if it is none of the known ones.
    """
    text = request.args.get(name)
    if text is not None and text not in known:
        raise SpecError({name: f"must be one of {', '.join(known)}, got {text!r}."})
    return text
