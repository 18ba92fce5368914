"""Random changes of an image's colours and sharpness, which leave its label map alone."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deeplab.schema import Augment

_GREY_BGR = (0.114, 0.587, 0.299)  # parts of blue, green and red in the brightness that people see (ITU-R BT.601)


@dataclass(frozen=True)
class Appearance:
    """Changes the colours as torchvision's ColorJitter does, always in the same order, and then blurs."""

    brightness: float  # the factor is drawn from 1 - brightness to 1 + brightness; 0: no change, and nothing is drawn
    contrast: float
    saturation: float
    hue: float  # largest turn, in circles of hues
    blur_p: float  # probability
    blur_sigma: float  # largest, pixels

    @classmethod
    def from_section(cls, section: Augment) -> "Appearance | None":
        """Take what the section IMAGE.AUGMENT says; None: it leaves colours and sharpness as they are."""
        strengths = (section.BRIGHTNESS, section.CONTRAST, section.SATURATION, section.HUE, section.BLUR_P)
        return cls(*strengths, section.BLUR_SIGMA) if any(strengths) else None

    def __call__(self, bgr: Tensor, inside: Tensor, rng: np.random.Generator) -> Tensor:
        """Draw one variant of an image.

        Args:
            bgr: (3, H, W) float32 in 0..255.
            inside: (H, W) bool, the pixels that belong to the image, whose mean the contrast keeps.
            rng: where the changes are drawn from.
        """
        if self.brightness:
            bgr = (bgr * _factor(self.brightness, rng)).clamp(0, 255)
        if self.contrast:
            mean = _grey(bgr)[0][inside].mean() if inside.any() else bgr.new_zeros(())
            bgr = _blend(bgr, mean, _factor(self.contrast, rng))
        if self.saturation:
            bgr = _blend(bgr, _grey(bgr), _factor(self.saturation, rng))
        if self.hue:
            bgr = _turn_hue(bgr, rng.uniform(-self.hue, self.hue))
        if self.blur_p and rng.random() < self.blur_p:
            bgr = _blur(bgr, self.blur_sigma * (1 - rng.random()))
        return bgr


def _factor(strength: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(max(0.0, 1 - strength), 1 + strength))


def _grey(bgr: Tensor) -> Tensor:
    """The brightness of each pixel, (1, H, W)."""
    return (bgr * torch.tensor(_GREY_BGR).view(3, 1, 1)).sum(dim=0, keepdim=True)


def _blend(bgr: Tensor, other: Tensor, factor: float) -> Tensor:
    return (factor * bgr + (1 - factor) * other).clamp(0, 255)


def _turn_hue(bgr: Tensor, turn: float) -> Tensor:
    from torchvision.transforms.functional import adjust_hue  # slow to import, and rarely needed

    turned: Tensor = adjust_hue(bgr.flip(0) / 255, turn)
    return turned.flip(0) * 255


def _blur(bgr: Tensor, sigma: float) -> Tensor:
    from torchvision.transforms.functional import gaussian_blur

    radius = max(1, math.ceil(3 * sigma))
    sides = [2 * min(radius, side - 1) + 1 for side in (bgr.shape[2], bgr.shape[1])]  # what mirrored borders allow
    blurred: Tensor = gaussian_blur(bgr, sides, [sigma, sigma])
    return blurred
