"""Build a model by its name. Needs nothing but PyTorch; torchvision's models need torchvision."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from deeplab.catalog import BACKBONES, MODEL_NAMES, TORCHVISION_MODELS, StrideIn
from deeplab.errors import ConfigError
from deeplab.models.batch_norm import set_batch_norm_momentum
from deeplab.models.deeplab import MULTI_GRID, DeepLabV1, DeepLabV2, DeepLabV3, DeepLabV3Plus
from deeplab.models.msc import MSC
from deeplab.models.resnet import ResNet

if TYPE_CHECKING:
    from deeplab.config import Config

_V2_RATES = {"DeepLabV2": (6, 12, 18, 24), "DeepLabV2S": (3, 6, 9, 12)}
_V3_HEADS = {"DeepLabV3": DeepLabV3, "DeepLabV3Plus": DeepLabV3Plus}
_V3_RATES = {8: (12, 24, 36), 16: (6, 12, 18)}  # by output stride
_V3_MOMENTUM = 0.9997  # the original's for v3 and v3+
_TRAINED_MOMENTUM = 0.1  # PyTorch's own
_WIDTH = 64  # channels of the first layer
MEAN = (104.008, 116.669, 122.675)  # of the original's images: blue, green, red


def build_model(
    name: str,
    n_classes: int,
    *,
    n_blocks: Sequence[int] | None = None,
    atrous_rates: Sequence[int] | None = None,
    width: int = _WIDTH,
    output_stride: int | None = None,
    scales: Sequence[float] | None = None,
    stride_in: StrideIn = "1x1",
    bn_momentum: float | None = None,
    weights: str | None = None,
    mean: Sequence[float] = MEAN,
) -> nn.Module:
    """Build a model in training mode, with random weights unless `weights` names published ones.

    Args:
        name: one of `deeplab.catalog.MODEL_NAMES`, such as "DeepLabV2_ResNet101_MSC".
        n_classes: channels of the logits.
        n_blocks: bottlenecks in layer2 .. layer5; the backbone's own unless given.
        atrous_rates: dilations of the ASPP branches (v2, v2S, v3, v3+).
        width: channels of the first layer, a multiple of 4; all others follow.
        output_stride: 8 or 16 (v3, v3+).
        scales: of the smaller copies of the image (models that end in _MSC); 0.5 and 0.75 unless given.
        stride_in: the convolution of a bottleneck that has its stride: "1x1" as the original's weights were trained, or
            "3x3" as torchvision's were. The names and shapes of weights are the same.
        bn_momentum: weight of the newest batch in batch norm's running statistics; the original's unless given.
        weights: torchvision's name of published weights (torchvision's models), such as "COCO_WITH_VOC_LABELS_V1".
        mean: blue, green and red, 0..255, that were subtracted from the input; torchvision's models add them again and
            subtract their own.

    Returns:
        A module: (N, 3, H, W) BGR minus mean -> logits; in training mode a model that ends in _MSC returns a list.

    Raises:
        ConfigError: if the name is unknown, or the model does not have a given setting, or not with that value.
        CheckpointError: if published weights cannot be downloaded.
    """
    if name not in MODEL_NAMES:
        raise ConfigError(f"{name!r} is not a known model; valid names: {', '.join(MODEL_NAMES)}.")
    if name in TORCHVISION_MODELS:
        settings = {
            "N_BLOCKS": n_blocks,
            "ATROUS_RATES": atrous_rates,
            "WIDTH": width if width != _WIDTH else None,
            "OUTPUT_STRIDE": output_stride,
            "scales": scales,
            "STRIDE_IN": stride_in if stride_in != "1x1" else None,
        }
        _refuse_settings(name, settings)
        return _build_torchvision(name, n_classes, bn_momentum, weights, mean)
    if weights is not None:
        raise ConfigError(f"{name} has no published weights by name; only torchvision's models do.")
    single, msc = name.removesuffix("_MSC"), name.endswith("_MSC")
    head, _, backbone_name = single.rpartition("_")
    blocks = tuple(n_blocks or BACKBONES[backbone_name])
    _check_settings(name, head, blocks, width, atrous_rates, output_stride, scales if not msc else None)
    backbone = {"n_blocks": blocks, "width": width, "stride_in_3x3": stride_in == "3x3"}
    base = _build_base(head, n_classes, backbone, atrous_rates, output_stride or 16)
    if bn_momentum is not None:
        set_batch_norm_momentum(base, bn_momentum)
    return MSC(base, scales or (0.5, 0.75)) if msc else base


def build_from_config(config: "Config", *, weights: str | None = None) -> nn.Module:
    """Build the model of the MODEL section, with random weights or `weights`. Raises as `build_model` does."""
    return build_model(
        config.MODEL.NAME,
        config.DATASET.N_CLASSES,
        n_blocks=config.MODEL.N_BLOCKS,
        atrous_rates=config.MODEL.ATROUS_RATES,
        width=config.MODEL.WIDTH,
        output_stride=config.MODEL.OUTPUT_STRIDE,
        stride_in=config.MODEL.STRIDE_IN,
        bn_momentum=config.MODEL.BN_MOMENTUM or _trained_momentum(config),
        weights=weights,
        mean=(config.IMAGE.MEAN.B, config.IMAGE.MEAN.G, config.IMAGE.MEAN.R),
    )


def _trained_momentum(config: "Config") -> float | None:
    """Choose the momentum of batch norm that is trained, where the original's is of no use.

    Of v3 and v3+ it is 0.9997, which the original never uses, because their batch norm is always frozen. Trained with
    it, evaluation would see the statistics of the last batch alone.
    """
    is_v3 = config.MODEL.NAME.startswith(tuple(_V3_HEADS))
    return _TRAINED_MOMENTUM if is_v3 and not config.SOLVER.FREEZE_BN else None


def _build_base(
    head: str, n_classes: int, backbone: dict[str, Any], rates: Sequence[int] | None, output_stride: int
) -> nn.Module:
    """Args: backbone: n_blocks, width and stride_in_3x3."""
    if not head:
        return ResNet(n_classes, **backbone)
    if head == "DeepLabV1":
        return DeepLabV1(n_classes, **backbone)
    if head in _V2_RATES:
        return DeepLabV2(n_classes, **backbone, atrous_rates=rates or _V2_RATES[head])
    base = _V3_HEADS[head](
        n_classes, **backbone, atrous_rates=rates or _V3_RATES[output_stride], output_stride=output_stride
    )
    set_batch_norm_momentum(base, _V3_MOMENTUM)
    return base


def _build_torchvision(
    name: str, n_classes: int, bn_momentum: float | None, weights: str | None, mean: Sequence[float]
) -> nn.Module:
    from deeplab.models.torchvision_models import build_torchvision_model, fetch_weights

    model = build_torchvision_model(name, n_classes, mean)
    if bn_momentum is not None:
        set_batch_norm_momentum(model, bn_momentum)
    if weights is not None:
        trained = fetch_weights(name, weights)
        head = next(value for key, value in reversed(trained.items()) if key.startswith("classifier."))
        if head.shape[0] != n_classes:
            raise ConfigError(f"{name}: the weights {weights} have {head.shape[0]} classes, not {n_classes}.")
        model.load_state_dict(trained)
    return model


def _refuse_settings(name: str, settings: Mapping[str, object]) -> None:
    given = [setting for setting, value in settings.items() if value]
    if given:
        raise ConfigError(f"{name} is torchvision's and has no {' and no '.join(given)}.")


def _check_settings(
    name: str,
    head: str,
    n_blocks: Sequence[int],
    width: int,
    atrous_rates: Sequence[int] | None,
    output_stride: int | None,
    unused_scales: Sequence[float] | None,
) -> None:
    if len(n_blocks) != 4 or min(n_blocks) < 1:
        raise ConfigError(f"{name}: n_blocks must be 4 positive numbers, got {list(n_blocks)}.")
    if width < 4 or width % 4:
        raise ConfigError(f"{name}: width must be a positive multiple of 4, got {width}.")
    if atrous_rates and head not in _V2_RATES and head not in _V3_HEADS:
        raise ConfigError(f"{name} has no atrous_rates; leave ATROUS_RATES empty.")
    if unused_scales:
        raise ConfigError(f"{name} has no scales; the model of that name with _MSC does.")
    if output_stride and head not in _V3_HEADS:
        raise ConfigError(f"{name} has a fixed output stride; leave OUTPUT_STRIDE empty.")
    if output_stride not in (None, 8, 16):
        raise ConfigError(f"{name}: output_stride must be 8 or 16, got {output_stride}.")
    if head in _V3_HEADS and n_blocks[3] > len(MULTI_GRID):
        raise ConfigError(f"{name}: layer5 has multi-grid {MULTI_GRID}, so n_blocks[3] can be 3 at most.")
