"""Presets of trainings, and how a configuration is fitted to a dataset and to the memory of a machine. Torch-free."""

from collections.abc import Collection
from dataclasses import dataclass

from deeplab.catalog import BACKBONES, TORCHVISION_MODELS
from deeplab.config import Config
from deeplab.datasets.measuring import Measured

_FLOATS = 4  # bytes
_HALVES = 0.6  # of the memory of 32 bits that a training in 16 takes
_SPARE = 1.5  # times what the layers keep, for logits, workspaces and fragments
_FIXED = 1_500_000_000  # bytes: CUDA, weights, gradients and momenta of the largest models
_SCALES = 1 + 0.5**2 + 0.75**2  # area of all copies of an image that a multi-scale model sees
_SMALLEST_CROP = 65


@dataclass(frozen=True)
class Preset:
    """A configuration that is shipped, to begin with."""

    name: str  # of its file in configs/presets
    title: str
    description: str
    needs_gpu: bool


PRESETS = {
    each.name: each
    for each in (
        Preset(
            "fast-cpu",
            "Fast, on a CPU",
            "A small DeepLab v2 from random weights: a first result within about ten minutes on two cores.",
            needs_gpu=False,
        ),
        Preset(
            "accurate-gpu",
            "Accurate, on a GPU",
            "DeepLab v3+ with ResNet-101 from weights of ImageNet, which are downloaded once.",
            needs_gpu=True,
        ),
        Preset(
            "original-v2",
            "Original v2",
            "DeepLab v2 with ResNet-101 at several scales, by the protocol of the paper and the original's code.",
            needs_gpu=True,
        ),
    )
}


def fit(config: Config, measured: Measured | None, splits: Collection[str], memory: int | None) -> list[str]:
    """Say what to change in a configuration for a dataset and a machine.

    Args:
        config: of the preset, with the dataset in it.
        measured: its training split; None: nothing is known of it.
        splits: names of its splits; empty: unknown.
        memory: bytes of a GPU, or of the machine if it has none; None: unknown.

    Returns:
        Overrides, such as "IMAGE.SIZE.TRAIN=321".
    """
    changes: dict[str, object] = {}
    crop = config.IMAGE.SIZE.TRAIN
    if measured is not None:
        if measured.mean is not None:
            changes |= {f"IMAGE.MEAN.{name}": value for name, value in zip("RGB", measured.mean, strict=True)}
        crop = min(crop, max(_SMALLEST_CROP, (min(measured.height, measured.width) - 1) // 32 * 32 + 1))
        changes["IMAGE.SIZE.TRAIN"] = crop
    if memory is not None:
        changes |= _batches(config, crop, memory)
    if splits and config.SOLVER.EVAL_EVERY and config.DATASET.SPLIT.VAL not in splits:
        changes["SOLVER.EVAL_EVERY"] = ""
    own = {key: _value_of(config, key) for key in changes}
    return [f"{key}={value}" for key, value in changes.items() if value != own[key]]


def bytes_per_image(config: Config, crop: int) -> int:
    """About how much memory a training takes for each image of a batch: what the layers keep for the gradients."""
    scales = _SCALES if config.MODEL.NAME.endswith("_MSC") else 1.0
    precision = 1.0 if config.RUNTIME.PRECISION == "fp32" else _HALVES
    return round(_floats_per_pixel(config) * _FLOATS * crop**2 * scales * precision * _SPARE)


def _batches(config: Config, crop: int, memory: int) -> dict[str, object]:
    """Fewer images at a time where memory is short; their gradients are summed over more batches."""
    wanted, summed = config.SOLVER.BATCH_SIZE.TRAIN, config.SOLVER.ITER_SIZE
    least = 1 if config.SOLVER.FREEZE_BN else 2  # batch norm needs several
    most = max(least, (memory - _FIXED) // bytes_per_image(config, crop))
    if most >= wanted:
        return {}
    return {"SOLVER.BATCH_SIZE.TRAIN": most, "SOLVER.ITER_SIZE": -(-wanted * summed // most)}


def _floats_per_pixel(config: Config) -> float:
    """Numbers that the layers keep for each pixel of the input: three convolutions in each block, and what follows."""
    model = config.MODEL
    name = "resnet101" if model.NAME.endswith("resnet101") else "resnet50"
    known = {"resnet50": BACKBONES["ResNet50"], "resnet101": BACKBONES["ResNet101"]}
    single = model.NAME.removesuffix("_MSC").rpartition("_")[2]
    n_blocks = model.N_BLOCKS or BACKBONES.get(single) or known[name]
    strided = model.NAME in TORCHVISION_MODELS or (model.NAME.startswith("DeepLabV3") and model.OUTPUT_STRIDE != 8)
    areas = (16, 64, 256, 256) if strided else (16, 64, 64, 64)  # pixels of the input for each of the layer
    layers: float = sum(count * 12 * model.WIDTH * 2**i / areas[i] for i, count in enumerate(n_blocks))
    return layers + model.WIDTH / 2


def _value_of(config: Config, key: str) -> object:
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return "" if value is None else value
