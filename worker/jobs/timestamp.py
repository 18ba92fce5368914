"""Times of the database: seconds since 1970 in Python, ISO 8601 in UTC as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema


def spell(seconds: float) -> str:
    """A time for programs: "2026-11-23T06:44:10.512Z"."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(value: object) -> object:
    """Seconds of what `spell` wrote; anything else is left to be validated."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value


Timestamp = Annotated[
    float,
    PlainSerializer(spell, return_type=str),
    BeforeValidator(read),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
