"""Run a model on several scales of its input."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class MSC(nn.Module):
    """Runs `base` on the image and on smaller copies of it, and takes the largest logit at each position."""

    def __init__(self, base: nn.Module, scales: Sequence[float] = (0.5, 0.75)) -> None:
        super().__init__()
        self.base = base
        self.scales = tuple(scales)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Compute the logits of images `x`, (N, 3, H, W).

        Returns:
            In evaluation the maximum, (N, C, h, w) with the size of the 1x logits; in training the list that the loss
            sums over: at 1x, at each smaller scale in its own size, and the maximum.
        """
        logits: Tensor = self.base(x)
        pyramid: list[Tensor] = [self.base(_scale(x, factor)) for factor in self.scales]
        size = logits.shape[2:]
        resized = [functional.interpolate(each, size, mode="bilinear", align_corners=False) for each in pyramid]
        largest = torch.stack([logits, *resized]).max(dim=0).values
        return [logits, *pyramid, largest] if self.training else largest


def _scale(x: Tensor, factor: float) -> Tensor:
    if min(x.shape[2:]) * factor < 1:  # an image of a pixel or two, of which nothing would be left
        size = [max(1, int(side * factor)) for side in x.shape[2:]]
        return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
