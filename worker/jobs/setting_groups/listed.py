"""Settings of several values."""

from typing import Annotated, TypeVar

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

_T = TypeVar("_T")


def split(value: object) -> object:
    """The parts of a text that are separated by ","; any other value as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Listed = Annotated[tuple[_T, ...], NoDecode, BeforeValidator(split)]
