"""torchvision's ResNets as initial weights of DeepLab's: other names, and another form of the input.

Theirs sees RGB in 0..1, normalised by ImageNet's mean and deviation; ours BGR minus the configured mean, in 0..255.
The first convolution and the batch norm behind it are changed so that both compute the same.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of images in 0..1
_FIRST_BLOCK = "layer1.0.conv1.weight"
_PARTS = {
    "conv1": "reduce.conv",
    "bn1": "reduce.bn",
    "conv2": "conv3x3.conv",
    "bn2": "conv3x3.bn",
    "conv3": "increase.conv",
    "bn3": "increase.bn",
    "downsample.0": "shortcut.conv",
    "downsample.1": "shortcut.bn",
}


def normalisation(mean: Sequence[float]) -> tuple[Tensor, Tensor]:
    """How torchvision's models want our input, RGB minus `mean`: divided by the first, plus the second, (3,) each.

    Args:
        mean: blue, green and red that our input lacks, 0..255.
    """
    std = 255 * torch.tensor(STD)
    return std, (torch.tensor(mean).flip(0) - 255 * torch.tensor(MEAN)) / std


def is_torchvision_resnet(weights: Mapping[str, Tensor]) -> bool:
    """Whether weights are named as torchvision's ResNets are, alone or within a model, such as its DeepLab v3."""
    return any(f".{key}".endswith(f".{_FIRST_BLOCK}") for key in weights)


def from_torchvision(weights: Mapping[str, Tensor], mean: Sequence[float]) -> dict[str, Tensor]:
    """Rename a ResNet's weights as ours are, layer1 .. layer5, and fit them to our input.

    With strides and dilations alike (MODEL.STRIDE_IN 3x3), the features equal torchvision's but for rounding. At the
    border of the image the padding, zero in both, stands for another colour, one grey level apart at most with the
    original's mean.

    Args:
        weights: with torchvision's names; what is not of the ResNet's layers is left out, such as the classifier.
        mean: blue, green and red that our input lacks, 0..255.
    """
    prefix = next(key for key in weights if f".{key}".endswith(f".{_FIRST_BLOCK}")).removesuffix(_FIRST_BLOCK)
    named = {
        name: value
        for key, value in weights.items()
        if key.startswith(prefix) and (name := _our_name(key.removeprefix(prefix))) is not None
    }
    _fit_to_input(named, mean)
    return named


def _our_name(key: str) -> str | None:
    """conv1.weight -> layer1.conv1.conv.weight, layer1.0.conv2.weight -> layer2.block1.conv3x3.conv.weight."""
    stem = re.fullmatch(r"(conv|bn)1\.(\w+)", key)
    if stem is not None:
        return f"layer1.conv1.{stem[1]}.{stem[2]}"
    block = re.fullmatch(r"layer([1-4])\.(\d+)\.((?:conv|bn)[123]|downsample\.[01])\.(\w+)", key)
    if block is None:
        return None
    return f"layer{int(block[1]) + 1}.block{int(block[2]) + 1}.{_PARTS[block[3]]}.{block[4]}"


def _fit_to_input(weights: dict[str, Tensor], mean: Sequence[float]) -> None:
    """Let the first convolution take BGR minus `mean`; the constant that this leaves goes into its batch norm."""
    conv, running_mean = "layer1.conv1.conv.weight", "layer1.conv1.bn.running_mean"
    if conv not in weights or running_mean not in weights or weights[conv].shape[1] != 3:
        return  # of another model, which is refused for what it lacks
    std, shift = normalisation(mean)
    theirs = weights[conv].float()
    constant = (theirs.sum(dim=(2, 3)) * shift).sum(dim=1)
    weights[conv] = (theirs / std.view(1, 3, 1, 1)).flip(1)
    weights[running_mean] = weights[running_mean].float() - constant
