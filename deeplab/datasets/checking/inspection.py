"""What one image and its mask hold, and what of it is wrong. Torch-free."""

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from deeplab.datasets.layouts.coco import ObjectsFile
from deeplab.datasets.pairs import MaskFile, Pair
from deeplab.datasets.sample import fit_to
from deeplab.errors import DatasetError, ImageError
from deeplab.images.bands import Reading
from deeplab.images.files import read_oriented
from deeplab.images.masks import read_mask_and_palette
from deeplab.images.palette import Colour, as_colour


@dataclass
class Inspection:
    """What was found in a pair."""

    content: bytes = b""  # digest of the image's pixels; empty if it could not be read
    image_size: tuple[int, int] | None = None  # (height, width); None: it could not be read
    mask_size: tuple[int, int] | None = None
    stored_size: tuple[int, int] | None = None  # of an image that was turned by its EXIF orientation
    is_turned: bool = False  # the mask, like its image
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))  # pixels by value of the mask
    palette: dict[int, Colour] = field(default_factory=dict)  # of the values that occur
    has_left_out: bool = False  # outlines that cannot be drawn
    errors: list[str] = field(default_factory=list)


def inspect_pair(reading: Reading, pair: Pair) -> Inspection:
    """Read an image and its ground truth; what cannot be read becomes a sentence."""
    found = Inspection()
    photo = None
    try:
        photo = read_oriented(pair.image, reading)
    except ImageError as error:
        found.errors.append(str(error))
    else:
        found.image_size = photo.pixels.shape[0], photo.pixels.shape[1]
        found.stored_size = photo.stored_size if photo.orientation != 1 else None
        found.content = blake2b(photo.pixels.tobytes(), digest_size=16, salt=b"%dx%d" % found.image_size).digest()
    try:
        label_map = _read_label_map(pair, found)
    except (ImageError, DatasetError) as error:
        found.errors.append(str(error))
        return found
    if photo is not None:
        label_map, found.is_turned = fit_to(photo, label_map)
    found.mask_size = label_map.shape[0], label_map.shape[1]
    found.counts = np.bincount(label_map.ravel(), minlength=256)
    return found


def _read_label_map(pair: Pair, found: Inspection) -> NDArray[np.uint8]:
    ground_truth = pair.ground_truth
    if isinstance(ground_truth, ObjectsFile):
        found.has_left_out = ground_truth.has_left_out()
    if not isinstance(ground_truth, MaskFile):
        return ground_truth.read()
    label_map, palette = read_mask_and_palette(ground_truth.path)
    if palette is not None:
        used = np.unique(label_map)
        found.palette = {int(value): as_colour(palette[value]) for value in used if value < len(palette)}
    return label_map
