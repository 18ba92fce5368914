"""Read a configuration, and say in one sentence what is wrong with it. Torch-free; `deeplab.schema` has the keys."""

import copy
import difflib
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from deeplab.errors import ConfigError
from deeplab.files import read_text
from deeplab.schema import Config

__all__ = ["Config", "dotted_keys", "load_config", "parse_config"]


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML config file.

    DATASET.LABELS is taken from the config file's folder where the current folder has no such file; other paths stay
    relative to the current folder.

    Args:
        path: the file.
        overrides: such as "SOLVER.LR=1e-3"; values are YAML.

    Raises:
        ConfigError: naming the file or the override, the dotted key, what was expected and what was given.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: the config file does not exist.") from None
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: the config file cannot be read: {error}.") from error
    return _find_labels(parse_config(_parse_yaml(text, str(path)), str(path), overrides), path.parent)


def parse_config(mapping: Mapping[str, object] | None, source: str, overrides: Sequence[str] = ()) -> Config:
    """Check a mapping such as a config file holds. `source` names it in errors; see `load_config`."""
    if not isinstance(mapping, Mapping | None):
        raise ConfigError(f"{source}: expected sections such as DATASET and SOLVER, got {_shorten(mapping)}.")
    keys = copy.deepcopy(dict(mapping or {}))
    if keys.get("DATASET") is None:
        keys["DATASET"] = {}  # so that the error names its key without a default
    overridden = [_apply_override(keys, override) for override in overrides]
    try:
        return Config.model_validate(keys)
    except ValidationError as error:
        # An unknown key goes first: it is often the reason that another one is missing.
        first = min(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
        sentence = _explain(first)
        subject = sentence.split()[0]
        origin = "--set" if any(_touches(key, subject) for key in overridden) else source
        raise ConfigError(f"{origin}: {sentence}") from None


def _find_labels(config: Config, folder: Path) -> Config:
    labels = config.DATASET.LABELS
    # os.path.exists() raises nothing if the path cannot be accessed: that is an error only once it is read.
    if labels is None or os.path.exists(labels) or not os.path.exists(folder / labels):  # noqa: PTH110
        return config
    return config.model_copy(update={"DATASET": config.DATASET.model_copy(update={"LABELS": str(folder / labels)})})


def dotted_keys(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Yield every key of the schema: "EXP.ID", "EXP.OUTPUT_DIR" ..."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from dotted_keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that appears twice, where YAML would silently keep the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # SafeLoader refuses it
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key_node.value} appears twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _parse_yaml(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 -- a SafeLoader
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{source}: {where}{error.problem or error.context}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {' '.join(str(error).split())}.") from error


def _apply_override(keys: dict[str, Any], override: str) -> str:
    """Write one `KEY=VALUE` into the mapping and return its key."""
    key, equals, value = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {override!r}: expected KEY=VALUE, such as SOLVER.LR=1e-3.")
    *sections, last = key.split(".")
    node = keys
    for name in sections:
        child = node.get(name)
        # A section that is absent, empty or not a section at all makes room; the schema then judges the key.
        node[name] = node = dict(child) if isinstance(child, Mapping) else {}
    node[last] = _parse_yaml(value, f"--set {override!r}")
    return key


def _touches(key: str, path: str) -> bool:
    """Whether an override of `key` can have caused an error at `path`: one lies within the other."""
    return path == key or path.startswith((f"{key}.", f"{key}[")) or key.startswith(f"{path}.")


def _dotted(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _explain(error: ErrorDetails) -> str:
    """Turn an error that pydantic found into a sentence, which begins with the key."""
    key, kind, context = _dotted(error["loc"]), error["type"], error.get("ctx", {})
    if kind in ("extra_forbidden", "invalid_key"):
        return f"{key} is not a known key{_suggest(key)}"
    if kind == "missing":
        return f"{key} is missing."
    if kind == "value_error":  # a contradiction that the schema's own checks found; its text begins with the key
        return f"{key}.{context['error']}.".removeprefix(".")
    expected = _EXPECTED[kind].format_map(context) if kind in _EXPECTED else f"valid ({error['msg']})"
    return f"{key} must be {expected}, got {_shorten(error['input'])}."


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "string_type": "text",
    "string_too_short": "not empty",
    "too_short": "not empty",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a section with keys of its own",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "greater than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "literal_error": "{expected}",
}  # by pydantic's type of error


def _suggest(key: str) -> str:
    """Suggest the key that was probably meant: one with a similar path, else that name in another section."""
    known = [*Config.model_fields, *dotted_keys()]
    close = difflib.get_close_matches(key.upper(), known, n=1, cutoff=0.75)
    if not close:
        leaves = {name.rpartition(".")[2]: name for name in known}
        close = [leaves[name] for name in difflib.get_close_matches(key.rpartition(".")[2].upper(), leaves, n=1)]
    return f"; did you mean {close[0]}?" if close else "."


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
