"""Translate between Caffe's names of the layers of a DeepLab ResNet and ours.

MSRA's convention: `conv1`, then `res4b22_branch2c` is stage 4, block b22 (the 23rd), the last of the branch's three
convolutions, with `bn4b22_branch2c` and `scale4b22_branch2c` after it. DeepLab's heads are `fc1_coco` and, with one
name per atrous rate, `fc1_voc12_c0` to `fc1_voc12_c3`.
"""

import re
from collections.abc import Sequence

_RESIDUAL = re.compile(r"(?P<kind>res|bn|scale)(?P<stage>[2-5])(?P<letter>[a-z])(?P<number>\d*)_branch(?P<branch>\w+)")
_CLASSIFIER = re.compile(r"fc\d*_[^_]+(?:_(?P<rate>c\d+))?")
_BRANCHES = {"1": "shortcut", "2a": "reduce", "2b": "conv3x3", "2c": "increase"}
_STEM = {
    "conv1": "layer1.conv1.conv",
    "bn_conv1": "layer1.conv1.bn",
    "scale_conv1": "layer1.conv1.bn",
    "pool1": "layer1.pool",
}


def is_shared_branch(layer: str) -> bool:
    """Whether a layer belongs to the copies of the model for the smaller scales, which share their weights."""
    return "res05" in layer or "res075" in layer


def module_name(layer: str) -> str | None:
    """Find our module for a Caffe layer, such as "layer4.block23.increase.conv"; None if DeepLab has no such layer."""
    if layer in _STEM:
        return _STEM[layer]
    if head := _CLASSIFIER.fullmatch(layer):
        return f"aspp.{head['rate']}" if head["rate"] else "fc"
    residual = _RESIDUAL.fullmatch(layer)
    if residual is None or residual["branch"] not in _BRANCHES:
        return None
    block = int(residual["number"]) if residual["number"] else ord(residual["letter"]) - ord("a")
    part = "conv" if residual["kind"] == "res" else "bn"
    return f"layer{residual['stage']}.block{block + 1}.{_BRANCHES[residual['branch']]}.{part}"


def layer_name(key: str, *, dataset: str, n_blocks: Sequence[int]) -> str:
    """Find the Caffe layer that holds a weight of ours, for errors about missing layers.

    Args:
        key: of the state dict, without the prefix of the multi-scale model.
        dataset: as in the names of the head's layers.
        n_blocks: bottlenecks in layer2 .. layer5: short stages have letters (res5c), long ones numbers (res4b22).
    """
    module, _, parameter = key.rpartition(".")
    prefix = "scale" if parameter in ("weight", "bias") else "bn"
    if module.startswith("layer1"):
        return "conv1" if module.endswith("conv") else f"{prefix}_conv1"
    if not module.startswith("layer"):
        return f"fc1_{dataset}" + (f"_{module.partition('.')[2]}" if "." in module else "")
    stage, block, branch, part = module.split(".")
    index = int(block.removeprefix("block")) - 1
    is_short = n_blocks[int(stage[-1]) - 2] <= 3
    letters = chr(ord("a") + index) if is_short or index == 0 else f"b{index}"
    caffe_branch = next(name for name, ours in _BRANCHES.items() if ours == branch)
    return f"{'res' if part == 'conv' else prefix}{stage[-1]}{letters}_branch{caffe_branch}"
