"""Atrous spatial pyramid pooling, in the forms of DeepLab v2 and v3."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from deeplab.models.resnet import ConvBnReLU


class SumASPP(nn.Module):
    """DeepLab v2: sums one dilated 3x3 classifier per rate. (N, in, H, W) -> (N, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, rates: Sequence[int]) -> None:
        super().__init__()
        for i, rate in enumerate(rates):
            conv = nn.Conv2d(in_channels, out_channels, 3, padding=rate, dilation=rate)
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.zeros_(conv.get_parameter("bias"))
            self.add_module(f"c{i}", conv)

    def forward(self, x: Tensor) -> Tensor:
        """Sum the branches in the order of the rates."""
        first, *others = self.children()
        logits: Tensor = first(x)
        for branch in others:
            logits = logits + branch(x)
        return logits


class ImagePool(nn.Module):
    """Projects the mean of the feature map and spreads it over the map again."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = ConvBnReLU(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H, W)."""
        pooled = self.conv(self.pool(x))
        return functional.interpolate(pooled, size=x.shape[2:], mode="bilinear", align_corners=False)


class ConcatASPP(nn.Module):
    """DeepLab v3: concatenates a 1x1 branch, one 3x3 branch per rate, and the image pool.

    (N, in, H, W) -> (N, branch_channels * (len(rates) + 2), H, W).
    """

    def __init__(self, in_channels: int, branch_channels: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.Module()
        self.stages.add_module("c0", ConvBnReLU(in_channels, branch_channels, 1))
        for i, rate in enumerate(rates):
            self.stages.add_module(f"c{i + 1}", ConvBnReLU(in_channels, branch_channels, 3, dilation=rate))
        self.stages.add_module("imagepool", ImagePool(in_channels, branch_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the branches along the channels."""
        return torch.cat([stage(x) for stage in self.stages.children()], dim=1)
