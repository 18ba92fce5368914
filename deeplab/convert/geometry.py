"""Compare the settings of a layer in Caffe and in PyTorch: kernel, stride, padding, dilation, eps."""

from collections.abc import Sequence
from typing import Any

from torch import nn

Setting = float | tuple[int, int] | str
_TOLERANCE = 1e-7  # on eps and momentum, which Caffe keeps in single precision


def layer_settings(kind: str, layer: Any) -> dict[str, Setting]:
    """Read the settings of a Caffe layer by the names of PyTorch's attributes, with Caffe's defaults.

    Args:
        kind: of the layer; the mapping is empty for kinds without settings.
        layer: a LayerParameter or V1LayerParameter message.

    Raises:
        ValueError: if the layer lacks a setting or has too many values; the text is the second half of a sentence.
    """
    if kind == "Convolution":
        return _convolution(layer.convolution_param)
    if kind == "Pooling":
        return _pooling(layer.pooling_param)
    if kind == "InnerProduct":
        if layer.inner_product_param.transpose:
            raise ValueError("keeps its matrix transposed, which cannot be converted")
        return {"kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}  # as a convolution
    if kind == "BatchNorm" and hasattr(layer, "batch_norm_param"):  # the older layer list has none
        parameters = layer.batch_norm_param
        return {"eps": parameters.eps, "momentum": 1 - parameters.moving_average_fraction}
    return {}


def differing_settings(settings: dict[str, Setting] | Any, module: nn.Module) -> list[str]:
    """List the settings in which a module of ours differs, such as "dilation 2 instead of 4"."""
    expected = {key: _module_setting(module, key) for key in settings}
    return [
        f"{key} {_shown(settings[key])} instead of {_shown(expected[key])}"
        for key in settings
        if not _equal(settings[key], expected[key])
    ]


def _convolution(parameters: Any) -> dict[str, Setting]:
    settings: dict[str, Setting] = {
        "kernel_size": _pair(parameters, "kernel", parameters.kernel_size, None),
        "stride": _pair(parameters, "stride", parameters.stride, 1),
        "padding": _pair(parameters, "pad", parameters.pad, 0),
        "dilation": _pair(parameters, None, parameters.dilation, 1),
        "groups": parameters.group,
    }
    if parameters.HasField("num_output"):
        settings["out_channels"] = parameters.num_output
    return settings


def _pooling(parameters: Any) -> dict[str, Setting]:
    def given(name: str) -> list[int]:
        return [getattr(parameters, name)] if parameters.HasField(name) else []

    method = {0: "maximum", 1: "average"}.get(parameters.pool, "random")
    if parameters.global_pooling:
        return {"pooling": f"global {method}"}
    return {
        "pooling": method,
        "kernel_size": _pair(parameters, "kernel", given("kernel_size"), None),
        "stride": _pair(parameters, "stride", given("stride"), 1),
        "padding": _pair(parameters, "pad", given("pad"), 0),
    }


def _pair(parameters: Any, stem: str | None, given: Sequence[int], default: int | None) -> tuple[int, int]:
    """Read height and width of a setting that Caffe writes once, twice, as `stem_h` and `stem_w`, or not at all."""
    if stem and (parameters.HasField(f"{stem}_h") or parameters.HasField(f"{stem}_w")):
        return getattr(parameters, f"{stem}_h"), getattr(parameters, f"{stem}_w")
    if not given:
        if default is None:
            raise ValueError(f"does not say its {stem} size")
        return default, default
    if len(given) > 2:
        raise ValueError(f"has {len(given)} axes, expected height and width")
    return given[0], given[-1]


def _module_setting(module: nn.Module, key: str) -> Setting:
    if key == "pooling":
        return "maximum" if isinstance(module, nn.MaxPool2d) else "no"
    value: Any = getattr(module, key)
    return (value, value) if key in ("kernel_size", "stride", "padding") and isinstance(value, int) else value


def _equal(given: Setting, expected: Setting) -> bool:
    if isinstance(given, float | int) and isinstance(expected, float | int):
        return abs(given - expected) <= _TOLERANCE
    return given == expected


def _shown(value: Setting) -> str:
    if isinstance(value, tuple):
        return str(value[0]) if value[0] == value[1] else f"{value[0]}x{value[1]}"
    return value if isinstance(value, str) else f"{value:.6g}"
