"""Augmentation as in DeepLab v2: what training does to a sample first."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from deeplab.config import Config
from deeplab.datasets.sample import Sample


@dataclass(frozen=True)
class Augmentation:
    """Random scale, random crop and random horizontal flip."""

    mean_bgr: tuple[float, float, float]
    crop: int  # side of the square that comes out, pixels
    scales: tuple[float, ...]
    base: int | None  # longer side before scaling, pixels; None: the image's own
    ignore_label: int

    @classmethod
    def from_config(cls, config: Config) -> "Augmentation":
        """Build the augmentation that the DATASET and IMAGE sections describe."""
        mean, size = config.IMAGE.MEAN, config.IMAGE.SIZE
        return cls((mean.B, mean.G, mean.R), size.TRAIN, config.DATASET.SCALES, size.BASE, config.DATASET.IGNORE_LABEL)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw one variant of a sample.

        Returns:
            The image, (3, crop, crop) float32 BGR minus mean, and its label map, (crop, crop) uint8. Where the scaled
            image is smaller than the crop, the right and the bottom are filled with the mean colour and `ignore_label`.
        """
        height, width = self._scaled_size(sample.label_map.shape, rng.choice(self.scales))
        top = int(rng.integers(max(height - self.crop, 0) + 1))
        left = int(rng.integers(max(width - self.crop, 0) + 1))
        window = (slice(top, top + self.crop), slice(left, left + self.crop))
        image = normalize(sample.image, self.mean_bgr)
        # Bilinear without smoothing, as OpenCV's; the label map by Pillow's choice of neighbours.
        image = functional.interpolate(image[None], size=(height, width), mode="bilinear", align_corners=False)[0]
        resized = Image.fromarray(sample.label_map).resize((width, height), Image.Resampling.NEAREST)
        image, label_map = image[:, *window], torch.from_numpy(np.array(resized)[window])
        missing = (0, self.crop - image.shape[2], 0, self.crop - image.shape[1])
        image = functional.pad(image, missing)  # the mean colour is 0 by now
        label_map = functional.pad(label_map, missing, value=self.ignore_label)
        if rng.random() < 0.5:
            image, label_map = image.flip(2), label_map.flip(1)
        return image.contiguous(), label_map

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
