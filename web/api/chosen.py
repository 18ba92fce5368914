"""Lists of which the parameter `fields` chooses what each line has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict


@dataclass(frozen=True)
class NamesAmong:
    """Annotates names with commas between them, each of which is one of some."""

    known: tuple[str, ...]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """A list of names in JSON Schema; addresses may also repeat the parameter."""
        names = core_schema.list_schema(core_schema.literal_schema(list(self.known)))
        return core_schema.no_info_before_validator_function(_split, names)


class Some:
    """Annotates a dict that holds some fields of a dataclass, or all of them."""

    def __init__(self, kind: type, **computed: type) -> None:
        """`computed` are the types of properties that count as fields."""
        self._kind = kind
        self._fields = get_type_hints(kind, include_extras=True) | computed

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """An object of which no field is required."""
        # mypy takes no name and no fields that are computed.
        return handler.generate_schema(TypedDict(f"Some{self._kind.__name__}", self._fields, total=False))  # type: ignore[operator]


def choose(lines: Iterable[object], names: Sequence[str]) -> list[dict[str, Any]]:
    """Take the fields of these names from each line."""
    return [{name: getattr(line, name) for name in names} for line in lines]


def _split(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    names = [name.strip() for text in value for name in str(text).split(",") if name.strip()]
    return list(dict.fromkeys(names))
