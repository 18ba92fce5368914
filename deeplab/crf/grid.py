"""Parse the grid of a search over the CRF's parameters. Torch-free, and light to import: `--help` needs it."""

import difflib
import itertools
import math
from collections.abc import Sequence

from deeplab.errors import ConfigError
from deeplab.formats import shortened

PARAMETERS = ("ITER_MAX", "POS_W", "POS_XY_STD", "BI_W", "BI_XY_STD", "BI_RGB_STD")
MAX_SETTINGS = 500  # each of them refines every image once more

Setting = dict[str, float]  # values by parameter


def parse_grid(lines: Sequence[str]) -> list[Setting]:
    """List every combination of the given values.

    Args:
        lines: one parameter with its values each, such as "BI_W=2,4,8".

    Returns:
        The settings; the last parameter changes fastest.

    Raises:
        ConfigError: if a parameter is unknown or appears twice, a value is invalid or appears twice, or there are more
            than `MAX_SETTINGS` combinations.
    """
    texts: dict[str, list[str]] = {}
    for line in lines:
        name, values = _split_axis(line)
        if name in texts:
            raise ConfigError(f"{name} appears twice; list all of its values in one place.")
        texts[name] = values
    n_settings = math.prod(map(len, texts.values()))  # before they are read, because there may be any number
    if n_settings > MAX_SETTINGS:
        raise ConfigError(f"{n_settings:,} combinations are too many; the limit is {MAX_SETTINGS}.")
    axes = {name: _parse_values(name, values) for name, values in texts.items()}
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def as_overrides(setting: Setting) -> list[str]:
    """Write a setting as overrides of a configuration: ["CRF.BI_W=4"]."""
    return [f"CRF.{name}={as_text(value)}" for name, value in setting.items()]


def as_text(value: float) -> str:
    """Write a value as a person would: "4", "0.5"."""
    return f"{value:.12g}"


def _split_axis(line: str) -> tuple[str, list[str]]:
    name, equals, text = line.partition("=")
    name = name.strip().upper().removeprefix("CRF.")
    if not equals:
        raise ConfigError(f"{shortened(line)} is not of the form PARAMETER=VALUE,VALUE, such as BI_W=2,4,8.")
    if name not in PARAMETERS:
        close = difflib.get_close_matches(name, PARAMETERS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(PARAMETERS)}."
        raise ConfigError(f"{shortened(name)} is not a parameter of the CRF; {hint}")
    return name, text.split(",")


def _parse_values(name: str, texts: Sequence[str]) -> list[float]:
    values = [_parse_value(name, text.strip()) for text in texts]
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ConfigError(f"{name}: {twice[0]:g} appears twice.")
    return values


def _parse_value(name: str, text: str) -> float:
    from pydantic import ValidationError

    from deeplab.schema import Crf
    from deeplab.yaml_text import parse_yaml

    if not text:
        raise ConfigError(f"{name} has an empty value; list numbers with commas between them, such as {name}=2,4,8.")
    try:
        value: float = getattr(Crf.model_validate({name: parse_yaml(text, name)}), name)
    except (ValidationError, ConfigError):
        raise ConfigError(f"{name} must be {_EXPECTED[name]}, got {shortened(text)}.") from None
    return value


_EXPECTED = {
    "ITER_MAX": "a whole number from 0 to 1,000",
    "POS_W": "a number from 0 to 1,000,000",
    "POS_XY_STD": "a number above 0, to 1,000,000",
    "BI_W": "a number from 0 to 1,000,000",
    "BI_XY_STD": "a number above 0, to 1,000,000",
    "BI_RGB_STD": "a number above 0, to 1,000,000",
}
