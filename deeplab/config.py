"""Read a configuration, and say in one sentence what is wrong with it. Torch-free; `deeplab.schema` has the keys."""

import copy
import difflib
import os
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from deeplab.errors import ConfigError
from deeplab.files import read_text
from deeplab.schema import Config

__all__ = ["PATH_KEYS", "Config", "dotted_keys", "expand_path", "load_config", "parse_config"]

# Keys that name files or folders.
PATH_KEYS = (
    ("DATASET", "ROOT"),
    ("DATASET", "LABELS"),
    ("DATASET", "PALETTE"),
    ("MODEL", "INIT_MODEL"),
    ("EXP", "OUTPUT_DIR"),
)
_VARIABLE = re.compile(r"\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


def load_config(path: Path, overrides: Sequence[str] = (), *, expands: bool = True) -> Config:
    """Read a YAML config file.

    DATASET.LABELS and DATASET.PALETTE are taken from the config file's folder where the current folder has no such
    file; other paths stay relative to the current folder.

    Args:
        path: the file.
        overrides: such as "SOLVER.LR=1e-3"; values are YAML.
        expands: whether `expand_path` expands the paths, by this process's environment.

    Raises:
        ConfigError: naming the file or the override, the dotted key, what was expected and what was given.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: the config file does not exist.") from None
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: the config file cannot be read: {error}.") from error
    config = parse_config(_parse_yaml(text, str(path)), str(path), overrides)
    return _find_beside(_expand(config) if expands else config, path.parent)


def expand_path(key: str, text: str, environment: Mapping[str, str] | None) -> str:
    """Replace `~` and `$NAME` at the places where a shell would; `$$` is a dollar sign.

    Args:
        key: of the configuration, for errors.
        text: the path.
        environment: the variables; None: there must be nothing to replace, because the path comes from somebody who
            must not read them.

    Raises:
        ConfigError: if a variable is not set, or there is something to replace and no environment.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None:
            return "$"
        if environment is None:
            raise ConfigError(f"{key} holds ${name}; variables are not replaced in requests over HTTP.")
        if name not in environment:
            raise ConfigError(f"{key} is {text!r}, but the variable {name} is not set; write $$ for a dollar sign.")
        return environment[name]

    if text.startswith("~") and environment is None:
        raise ConfigError(f"{key} begins with ~, which is not replaced in requests over HTTP; expected a whole path.")
    return _VARIABLE.sub(value_of, str(Path(text).expanduser()) if re.match(r"~(/|$)", text) else text)


def _expand(config: Config) -> Config:
    for section, key in PATH_KEYS:
        keys = getattr(config, section)
        text = getattr(keys, key)
        if text is not None:
            expanded = expand_path(f"{section}.{key}", text, os.environ)
            config = config.model_copy(update={section: keys.model_copy(update={key: expanded})})
    return config


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


def _find_beside(config: Config, folder: Path) -> Config:
    """Take the labels file and the palette from a folder where the current folder has no such file."""
    for key in ("LABELS", "PALETTE"):
        path = getattr(config.DATASET, key)
        # os.path.exists() raises nothing if the path cannot be accessed: that is an error only once it is read.
        if path is not None and not os.path.exists(path) and os.path.exists(folder / path):  # noqa: PTH110
            dataset = config.DATASET.model_copy(update={key: str(folder / path)})
            config = config.model_copy(update={"DATASET": dataset})
    return config


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

    def construct_plain_number(self, node: yaml.ScalarNode) -> Any:
        """Refuse numbers that YAML 1.1 reads as nobody means them: 010 is 8, and 1:30 is 90."""
        text = self.construct_scalar(node)
        digits = text.lstrip("+-").replace("_", "")
        if ":" in text or re.fullmatch("0[0-9]+", digits):
            read_as = self.construct_yaml_float(node) if "." in text else self.construct_yaml_int(node)
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"YAML reads {text} as {read_as}; write the number that is meant, or text in quotes",
                node.start_mark,
            )
        return self.construct_yaml_float(node) if node.tag.endswith("float") else self.construct_yaml_int(node)


for _tag in ("int", "float"):
    _UniqueKeyLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _UniqueKeyLoader.construct_plain_number)


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
    "class_weights": "'inverse', 'median_frequency' or a list of numbers, none negative and not all zero",
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
