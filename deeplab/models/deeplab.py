"""DeepLab v1, v2, v3 and v3+. Names of attributes are the checkpoints' keys and must stay."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from deeplab.models.aspp import ConcatASPP, SumASPP
from deeplab.models.resnet import ConvBnReLU, backbone, backbone_channels, pointwise_classifier

MULTI_GRID = (1, 2, 4)  # of v3 and v3+
_OUTPUT_STRIDE_8 = {"strides": (1, 2, 1, 1), "dilations": (1, 1, 2, 4)}
_OUTPUT_STRIDE_16 = {"strides": (1, 2, 2, 1), "dilations": (1, 1, 1, 2)}


class DeepLabV1(nn.Sequential):
    """Dilated ResNet with a 1x1 classifier, output stride 8. v2 trains from COCO weights in this form."""

    def __init__(self, n_classes: int, *, n_blocks: Sequence[int], width: int, stride_in_3x3: bool = False) -> None:
        super().__init__(backbone(n_blocks, width, **_OUTPUT_STRIDE_8, stride_in_3x3=stride_in_3x3))
        self.fc = pointwise_classifier(backbone_channels(width), n_classes)


class DeepLabV2(nn.Sequential):
    """Dilated ResNet with a summing ASPP. (N, 3, H, W) -> (N, n_classes, ~H / 8, ~W / 8) logits."""

    def __init__(
        self,
        n_classes: int,
        *,
        n_blocks: Sequence[int],
        width: int,
        atrous_rates: Sequence[int],
        stride_in_3x3: bool = False,
    ) -> None:
        super().__init__(backbone(n_blocks, width, **_OUTPUT_STRIDE_8, stride_in_3x3=stride_in_3x3))
        self.aspp = SumASPP(backbone_channels(width), n_classes, atrous_rates)


class _Encoder(NamedTuple):
    """What v3 and v3+ share."""

    layers: OrderedDict[str, nn.Module]  # layer1 .. layer5, aspp, fc1
    out_channels: int  # of fc1


def _encoder(
    n_blocks: Sequence[int], width: int, atrous_rates: Sequence[int], output_stride: int, stride_in_3x3: bool
) -> _Encoder:
    geometry = _OUTPUT_STRIDE_8 if output_stride == 8 else _OUTPUT_STRIDE_16
    multi_grid = MULTI_GRID[: n_blocks[3]]
    layers = backbone(n_blocks, width, **geometry, multi_grid=multi_grid, stride_in_3x3=stride_in_3x3)
    branch = 4 * width
    layers["aspp"] = ConcatASPP(backbone_channels(width), branch, atrous_rates)
    layers["fc1"] = ConvBnReLU(branch * (len(atrous_rates) + 2), branch, 1)
    return _Encoder(layers, branch)


class DeepLabV3(nn.Sequential):
    """ResNet with multi-grid, and an ASPP with image pooling.

    (N, 3, H, W) -> (N, n_classes, ~H / output_stride, ~W / output_stride) logits.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        n_blocks: Sequence[int],
        width: int,
        atrous_rates: Sequence[int],
        output_stride: int,
        stride_in_3x3: bool = False,
    ) -> None:
        encoder = _encoder(n_blocks, width, atrous_rates, output_stride, stride_in_3x3)
        super().__init__(encoder.layers)
        self.fc2 = pointwise_classifier(encoder.out_channels, n_classes)


class DeepLabV3Plus(nn.Module):
    """DeepLab v3 with a decoder that adds layer2's detail. (N, 3, H, W) -> (N, n_classes, H, W) logits."""

    layer1: nn.Module
    layer2: nn.Module
    layer3: nn.Module
    layer4: nn.Module
    layer5: nn.Module
    aspp: nn.Module
    fc1: nn.Module

    def __init__(
        self,
        n_classes: int,
        *,
        n_blocks: Sequence[int],
        width: int,
        atrous_rates: Sequence[int],
        output_stride: int,
        stride_in_3x3: bool = False,
    ) -> None:
        super().__init__()
        encoder = _encoder(n_blocks, width, atrous_rates, output_stride, stride_in_3x3)
        for name, layer in encoder.layers.items():
            self.add_module(name, layer)
        channels, detail = encoder.out_channels, 3 * width // 4
        self.reduce = ConvBnReLU(4 * width, detail, 1)
        self.fc2 = nn.Sequential(
            OrderedDict[str, nn.Module](
                conv1=ConvBnReLU(channels + detail, channels, 3),
                conv2=ConvBnReLU(channels, channels, 3),
                conv3=pointwise_classifier(channels, n_classes),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits at the size of the input."""
        fine = self.layer2(self.layer1(x))  # (N, 4 width, H / 4, W / 4)
        coarse = self.fc1(self.aspp(self.layer5(self.layer4(self.layer3(fine)))))
        detail = self.reduce(fine)
        logits = self.fc2(torch.cat((_resize(coarse, detail), detail), dim=1))
        return _resize(logits, x)


def _resize(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
