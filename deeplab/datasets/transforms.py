"""Augmentation as in DeepLab v2, and more if asked for: what training does to a sample first."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from deeplab.config import Config
from deeplab.datasets.appearance import Appearance
from deeplab.datasets.sample import Sample


@dataclass(frozen=True)
class Augmentation:
    """Random scale, random crop and random horizontal flip; with IMAGE.AUGMENT also rotation, colours and blur.

    These are drawn after the others, so that scale, crop and flip are the same with and without them.
    """

    mean_bgr: tuple[float, float, float]
    crop: int  # side of the square that comes out, pixels
    scales: tuple[float, ...]
    base: int | None  # longer side before scaling, pixels; None: the image's own
    ignore_label: int
    rotation: float = 0.0  # largest angle, degrees
    appearance: Appearance | None = None  # None: colours and sharpness stay as they are

    @classmethod
    def from_config(cls, config: Config) -> "Augmentation":
        """Build the augmentation that the DATASET and IMAGE sections describe."""
        mean, size, augment = config.IMAGE.MEAN, config.IMAGE.SIZE, config.IMAGE.AUGMENT
        return cls(
            (mean.B, mean.G, mean.R),
            size.TRAIN,
            config.DATASET.SCALES,
            size.BASE,
            config.DATASET.IGNORE_LABEL,
            augment.ROTATION,
            Appearance.from_section(augment),
        )

    def __call__(self, sample: Sample, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw one variant of a sample.

        Returns:
            The image, (3, crop, crop) float32 BGR minus mean, and its label map, (crop, crop) uint8. What lies outside
            the image is filled with the mean colour and `ignore_label`: the right and the bottom where the scaled image
            is smaller than the crop, and what a rotation brings in.
        """
        height, width = self._scaled_size(sample.label_map.shape, rng.choice(self.scales))
        top = int(rng.integers(max(height - self.crop, 0) + 1))
        left = int(rng.integers(max(width - self.crop, 0) + 1))
        is_flipped = rng.random() < 0.5
        angle = float(rng.uniform(-self.rotation, self.rotation)) if self.rotation else 0.0
        image = normalize(sample.image, self.mean_bgr)
        # Bilinear without smoothing, as OpenCV's; the label map by Pillow's choice of neighbours.
        image = functional.interpolate(image[None], size=(height, width), mode="bilinear", align_corners=False)[0]
        resized = Image.fromarray(sample.label_map).resize((width, height), Image.Resampling.NEAREST)
        label_map = torch.from_numpy(np.array(resized))
        if angle:
            image, label_map, inside = self._rotated_crop(image, label_map, top, left, angle)
        else:
            image, label_map, inside = self._crop(image, label_map, top, left)
        if self.appearance is not None:
            mean = torch.tensor(self.mean_bgr).view(3, 1, 1)
            changed = self.appearance(image + mean, inside, rng) - mean
            image = changed * inside
        if is_flipped:
            image, label_map = image.flip(2), label_map.flip(1)
        return image.contiguous(), label_map

    def _crop(self, image: Tensor, label_map: Tensor, top: int, left: int) -> tuple[Tensor, Tensor, Tensor]:
        """Cut out the crop; also return which of its pixels lie inside the image, (crop, crop) bool."""
        window = (slice(top, top + self.crop), slice(left, left + self.crop))
        image, label_map = image[:, *window], label_map[window]
        missing = (0, self.crop - image.shape[2], 0, self.crop - image.shape[1])
        inside = functional.pad(torch.ones_like(label_map, dtype=torch.bool), missing)
        image = functional.pad(image, missing)  # the mean colour is 0 by now
        return image, functional.pad(label_map, missing, value=self.ignore_label), inside

    def _rotated_crop(
        self, image: Tensor, label_map: Tensor, top: int, left: int, angle: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cut out the crop turned by an angle about its centre; bilinear, and nearest for the label map."""
        height, width = label_map.shape
        middle = (self.crop - 1) / 2
        y, x = torch.meshgrid(*[torch.arange(self.crop, dtype=torch.float32) - middle] * 2, indexing="ij")
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        rows, columns = cos * y + sin * x + middle + top, cos * x - sin * y + middle + left  # in the image
        grid = torch.stack(((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1), dim=-1)
        image = functional.grid_sample(image[None], grid[None], mode="bilinear", align_corners=False)[0]
        row, column = (torch.floor(each + 0.5).long() for each in (rows, columns))
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        label_map = label_map[row.clamp(0, height - 1), column.clamp(0, width - 1)]
        return image * inside, label_map.masked_fill(~inside, self.ignore_label), inside

    def _scaled_size(self, size: tuple[int, ...], scale: float) -> tuple[int, int]:
        height, width = size
        if self.base is not None:
            longer = max(height, width)
            height, width = self.base * height // longer, self.base * width // longer
        return max(1, int(height * scale)), max(1, int(width * scale))


def normalize(image: NDArray[np.uint8] | NDArray[np.float32], mean_bgr: tuple[float, float, float]) -> Tensor:
    """Turn an RGB image, (H, W, 3) in 0..255, into a model's input: (3, H, W) float32, BGR minus mean."""
    bgr = torch.from_numpy(image).permute(2, 0, 1).flip(0).float()
    return bgr - torch.tensor(mean_bgr).view(3, 1, 1)
