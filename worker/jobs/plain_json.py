"""Python values as JSON, for the API and for `--json`, by the types that they are declared with. Light to import."""

import dataclasses
import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def adapter_of(kind: Any) -> "TypeAdapter[Any]":
    """What turns values of a type into JSON and back, and describes them by JSON Schema."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def as_json(value: Any) -> Any:
    """Turn dataclasses into objects, times and paths into text, and numbers that are not finite into null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json.loads(adapter_of(type(value)).dump_json(value))
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
