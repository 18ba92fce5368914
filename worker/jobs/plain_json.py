"""Python values as JSON, for the API and for `--json`."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def as_json(value: Any) -> Any:
    """Turn dataclasses into objects, paths into text, and numbers that are not finite into null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
