"""Convert a .caffemodel of DeepLab's authors to a state dict of our model, without Caffe."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deeplab.catalog import BACKBONES
from deeplab.convert.caffemodel import KINDS, CaffeLayer, read_layers
from deeplab.convert.geometry import differing_settings
from deeplab.convert.names import is_shared_branch, layer_name, module_name
from deeplab.convert.targets import TARGETS, Target
from deeplab.errors import CheckpointError
from deeplab.formats import describe_differences
from deeplab.models.build import build_model


def convert_caffemodel(
    path: Path, dataset: str, *, n_blocks: Sequence[int] = BACKBONES["ResNet101"], width: int = 64
) -> dict[str, Tensor]:
    """Read all weights of a released caffemodel under our names; they load strictly into the dataset's model.

    The layers of the smaller scales (res05, res075) share the weights of the full scale and are skipped. Kernel,
    stride, padding, dilation, eps and momentum of every layer are compared with the model's.

    Args:
        path: the .caffemodel, with Caffe's present list of layers or the older one.
        dataset: one of TARGETS, "coco" or "voc12".
        n_blocks: bottlenecks in layer2 .. layer5.
        width: channels of the first layer.

    Raises:
        CheckpointError: if the file cannot be read, or layers differ, are missing or unknown; the error names them.
    """
    if dataset not in TARGETS:
        names = ", ".join(TARGETS)
        raise CheckpointError(f"{dataset!r} is not a dataset with a released caffemodel; valid names: {names}.")
    target = TARGETS[dataset]
    model = build_model(target.model, target.n_classes, n_blocks=n_blocks, width=width)
    conversion = _Conversion(target, model)
    for layer in read_layers(path):
        if not is_shared_branch(layer.name):
            try:
                conversion.add(layer)
            except ValueError as error:
                raise CheckpointError(f"{path}: layer {layer.name!r} {error}.") from None
    missing = conversion.missing(dataset, n_blocks)
    if missing or conversion.extra:
        differences = describe_differences("layer", {"missing": missing, "unknown": conversion.extra})
        raise CheckpointError(f"{path}: is not the {dataset} caffemodel ({target.model}): {differences}.")
    return conversion.weights


_MODULES: dict[str, type[nn.Module]] = {
    "Convolution": nn.Conv2d,
    "InnerProduct": nn.Conv2d,  # of kernel size 1
    "Pooling": nn.MaxPool2d,
    "BatchNorm": nn.BatchNorm2d,
    "Scale": nn.BatchNorm2d,
}


@dataclass
class _Conversion:
    """A model whose random weights are replaced one by one."""

    target: Target
    model: nn.Module
    filled: set[str] = field(default_factory=set)  # keys whose weights came from a layer
    extra: list[str] = field(default_factory=list)  # layers with weights that have no place in the model
    last_norm: str = ""  # module of the latest BatchNorm, which a Scale completes

    def __post_init__(self) -> None:
        self.weights = self.model.state_dict()
        self.modules = dict(self.model.named_modules())

    def add(self, layer: CaffeLayer) -> None:
        """Take a layer's weights. Raises ValueError with the second half of a sentence if they do not fit."""
        module = self._module(layer)
        if module is None:
            if layer.blobs or layer.kind in KINDS:
                self.extra.append(layer.name)
            return
        ours = self.modules[module]
        if not isinstance(ours, _MODULES[layer.kind]):
            raise ValueError(f"is a {layer.kind}, where {self.target.model} has a {type(ours).__name__}")
        differing = differing_settings(layer.settings, ours)
        if differing:
            raise ValueError(f"has {', '.join(differing)} as in {self.target.model}")
        for parameter, values in _weights(layer, has_bias=f"{module}.bias" in self.weights).items():
            self._put(f"{module}.{parameter}", values)
        if layer.kind == "BatchNorm":
            self.last_norm = module

    def missing(self, dataset: str, n_blocks: Sequence[int]) -> list[str]:
        """List the layers, by Caffe's names, whose weights were not added."""
        keys = [key.removeprefix(self.target.prefix) for key in self.weights if key not in self.filled]
        return list(dict.fromkeys(layer_name(key, dataset=dataset, n_blocks=n_blocks) for key in keys))

    def _module(self, layer: CaffeLayer) -> str | None:
        if layer.kind not in KINDS:
            return None
        name = module_name(layer.name)
        if name is None and layer.kind == "Scale":
            return self.last_norm or None
        module = f"{self.target.prefix}{name}"
        return module if module in self.modules else None

    def _put(self, key: str, values: NDArray[Any]) -> None:
        if key in self.filled:
            raise ValueError("appears twice")
        shape = tuple(self.weights[key].shape)
        if _squeezed(values.shape) != _squeezed(shape):
            raise ValueError(f"has shape {values.shape} instead of {shape} as in {self.target.model}")
        self.weights[key].copy_(torch.from_numpy(values.reshape(shape)))
        self.filled.add(key)


def _weights(layer: CaffeLayer, *, has_bias: bool) -> dict[str, NDArray[Any]]:
    """Name the blobs of a layer as PyTorch names its parameters. `has_bias`: whether our module has one."""
    expected = {"BatchNorm": 3, "Pooling": 0}.get(layer.kind, 2 if has_bias else 1)
    if len(layer.blobs) != expected:
        raise ValueError(f"({layer.kind}) has {len(layer.blobs)} arrays of numbers instead of {expected}")
    if layer.kind != "BatchNorm":
        return dict(zip(("weight", "bias"), layer.blobs, strict=False))
    mean, variance, factor = (blob.astype(np.float64) for blob in layer.blobs)
    if factor.size != 1 or factor.item() == 0:
        raise ValueError("has no statistics: its scale factor is not a number other than 0")
    batches = np.zeros((), dtype=np.int64)  # Caffe counts in another unit; PyTorch ignores it, as momentum is set
    return {
        "running_mean": mean / factor.item(),
        "running_var": variance / factor.item(),
        "num_batches_tracked": batches,
    }


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Drop axes of length 1: Caffe writes a vector as 1x1x1xN, and a matrix where we have a 1x1 convolution."""
    return tuple(side for side in shape if side != 1)
