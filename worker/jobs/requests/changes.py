"""A configuration as changes to another one, and back: what a form shows beside the YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from deeplab.config import parse_config, values_by_key
from deeplab.errors import ConfigError
from deeplab.yaml_text import parse_yaml
from worker.jobs.requests.spec_error import SpecError

_ABSENT = object()
_LONGEST = 100_000  # characters of a text
_MOST = 100  # changes that a request can have


@dataclass(frozen=True)
class Change:
    """A key whose value differs."""

    key: str  # such as SOLVER.LR
    before: str  # values as YAML has them
    after: str

    @property
    def override(self) -> str:
        """As requests name it."""
        return f"{self.key}={self.after}"


def list_changes(base: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """List the keys in which a whole configuration differs from another one, in the order of the schema."""
    before, after = values_by_key(base), values_by_key(wanted)
    return [
        Change(key, _spell(before.get(key)), _spell(value))
        for key, value in after.items()
        if before.get(key, _ABSENT) != value
    ]


def read_yaml(text: str, base: Mapping[str, Any]) -> list[Change]:
    """Read an edited configuration, and list what it changes in the one that it began as.

    Raises:
        SpecError: about the field `yaml`, if it is not YAML, holds unknown keys or values that do not fit, or changes
            too much for a request.
    """
    if len(text) > _LONGEST:
        raise SpecError({"yaml": f"must have at most {_LONGEST:,} characters, got {len(text):,}."})
    try:
        wanted = parse_config(parse_yaml(text, "the YAML", allows_aliases=False), "the YAML").model_dump(mode="json")
    except ConfigError as error:
        sentence = str(error).removeprefix("the YAML: ")
        raise SpecError({"yaml": sentence[:1].upper() + sentence[1:]}) from None
    changes = list_changes(base, wanted)
    if len(changes) > _MOST:
        raise SpecError({"yaml": f"It changes {len(changes)} keys of the configuration; the limit is {_MOST}."})
    return changes


def _spell(value: object) -> str:
    """A value in one line, as YAML has it; nothing for an empty key."""
    if value is None:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
