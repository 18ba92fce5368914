"""Read a configuration, and say in one sentence what is wrong with it. Torch-free; `deeplab.schema` has the keys."""

import copy
import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from deeplab.errors import ConfigError
from deeplab.files import LARGEST_FILE, printable, read_text, reason_of
from deeplab.formats import shortened
from deeplab.schema import Config
from deeplab.yaml_text import parse_yaml

__all__ = ["PATH_KEYS", "Config", "dotted_keys", "expand_path", "load_config", "parse_config"]

# Keys that name files or folders.
PATH_KEYS = (
    ("DATASET", "ROOT"),
    ("DATASET", "LABELS"),
    ("DATASET", "PALETTE"),
    ("MODEL", "INIT_MODEL"),
    ("EXP", "OUTPUT_DIR"),
)
_LONGEST_OVERRIDE = 4096  # characters
_MOST_OVERRIDES = 100
_LONGEST_SHOWN = 100  # characters of a key in a sentence
_DEEPEST_KEY = 4  # levels, one more than any key has
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
        text = read_text(path, LARGEST_FILE)
    except FileNotFoundError:
        raise ConfigError(f"{printable(path)}: the config file does not exist.") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{printable(path)}: the config file cannot be read: {reason_of(error)}.") from error
    config = parse_config(parse_yaml(text, printable(path)), printable(path), overrides)
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


def parse_config(
    mapping: Mapping[str, object] | None, source: str, overrides: Sequence[str] = (), *, option: str = "--set"
) -> Config:
    """Check a mapping such as a config file holds.

    Args:
        mapping: sections of keys.
        source: names it in errors.
        overrides: as of `load_config`.
        option: names the overrides in errors; empty: they are named already, as those beside the field of a form.

    Raises:
        ConfigError: as `load_config`.
    """
    if not isinstance(mapping, Mapping | None):
        expected = f"{source}: expected sections such as DATASET and SOLVER, got"
        raise ConfigError(f"{expected} {shortened(mapping)}.", discreet=f"{expected} {_kind_of(mapping)}.")
    if len(overrides) > _MOST_OVERRIDES:
        said = f"there are {len(overrides):,} overrides; the limit is {_MOST_OVERRIDES}."
        raise ConfigError(_after(option, said))
    keys = copy.deepcopy(dict(mapping or {}))
    if keys.get("DATASET") is None:
        keys["DATASET"] = {}  # so that the error names its key without a default
    overridden = [_apply_override(keys, override, option) for override in overrides]
    try:
        return Config.model_validate(keys)
    except ValidationError as error:
        # An unknown key goes first: it is often the reason that another one is missing.
        first = min(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
        sentence, subject = _explain(first), _subject(first)
        origin = option if any(_touches(key, subject) for key in overridden) else source
        is_own = any(_lies_within(subject, key) for key in overridden)  # the value came with the overrides
        discreet = None if is_own else _after(origin, _explain_discreetly(first))
        raise ConfigError(_after(origin, sentence), discreet=discreet) from None


def _after(origin: str, sentence: str) -> str:
    return f"{origin}: {sentence}" if origin else sentence


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


def values_by_key(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a configuration, or of a section of it, by their dotted keys: {"SOLVER.LR": 0.001}."""
    found: dict[str, Any] = {}
    for name, value in section.items():
        found |= values_by_key(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _apply_override(keys: dict[str, Any], override: str, option: str) -> str:
    """Write one `KEY=VALUE` into the mapping and return its key."""
    key, equals, value = override.partition("=")
    key = key.strip()
    source = f"{option} {shortened(override)}".strip()
    if not equals or not key:
        raise ConfigError(f"{source}: expected KEY=VALUE, such as SOLVER.LR=1e-3.")
    *sections, last = key.split(".")
    if len(sections) >= _DEEPEST_KEY:
        raise ConfigError(f"{source}: {shortened(key)} is not a known key.")
    node = keys
    for name in sections:
        child = node.get(name)
        # A section that is absent, empty or not a section at all makes room; the schema then judges the key.
        node[name] = node = dict(child) if isinstance(child, Mapping) else {}
    node[last] = parse_yaml(value, source, largest=_LONGEST_OVERRIDE, allows_aliases=False)
    return key


def _touches(key: str, path: str) -> bool:
    """Whether an override of `key` can have caused an error at `path`: one lies within the other."""
    return _lies_within(path, key) or key.startswith(f"{path}.")


def _lies_within(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))


def _dotted(location: tuple[int | str, ...]) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
    return printable(key if len(key) <= _LONGEST_SHOWN else f"{key[:_LONGEST_SHOWN]}...")


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
    return f"{key} must be {expected}, got {shortened(error['input'])}."


def _subject(error: ErrorDetails) -> str:
    """The key that an error is about."""
    return _explain(error).split()[0]


def _explain_discreetly(error: ErrorDetails) -> str:
    """Explain an error in a file to people who may not read it: the type of a value in place of itself."""
    key, kind = _dotted(error["loc"]), error["type"]
    if kind in ("extra_forbidden", "invalid_key") and not re.fullmatch(r"[A-Z][A-Z0-9_.]{0,60}", key):
        return "a key is not known; keys are written in capitals, such as SOLVER.LR."
    if kind == "value_error":
        return re.sub(r"(['\"]).*?\1", "text", _explain(error))
    sentence = _explain(error)
    shown = f", got {shortened(error['input'])}."
    return f"{sentence.removesuffix(shown)}, got {_kind_of(error['input'])}." if sentence.endswith(shown) else sentence


def _kind_of(value: object) -> str:
    """What a value is, in words that repeat nothing of it."""
    if value is None:
        return "nothing"
    kinds = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (Mapping, "a section"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "a list")


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "string_type": "text",
    "string_too_short": "not empty",
    "string_too_long": "of at most {max_length} characters",
    "string_unicode": "plain text",
    "plain_text": "one line of plain text",
    "too_long": "a list of at most {max_length}",
    "too_short": "not empty",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a section with keys of its own",
    "greater_than_equal": "at least {ge:,.10g}",
    "greater_than": "greater than {gt:,.10g}",
    "less_than_equal": "at most {le:,.10g}",
    "less_than": "less than {lt:,.10g}",
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
