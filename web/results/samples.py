"""A few images of a dataset under their masks, as pictures that a page carries itself."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from deeplab.config import Config
from deeplab.datasets.checking.samples import Sampled, SplitSamples, look_at_split
from deeplab.datasets.class_colours import class_colours_of
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.sample import fit_to
from deeplab.errors import DatasetError, ImageError
from deeplab.images.bands import Reading
from deeplab.images.files import image_size, read_oriented
from deeplab.images.palette import Colours
from web.access.turns import turn_to_decode
from web.context import current_settings

_SIDE = 320  # pixels of a picture
_LARGEST = 50_000_000  # pixels of an image that is shown
_SECONDS = 6.0


@dataclass(frozen=True)
class Picture:
    """An image, and the same under the colours of its mask; None: it cannot be shown."""

    name: str
    image: str | None  # addresses that hold the pictures
    masked: str | None
    problems: Sequence[str]


@dataclass(frozen=True)
class ClassSeen:
    """A class, and its share of the pixels that were looked at."""

    name: str
    colour: str
    share: float


@dataclass(frozen=True)
class Look:
    """What was seen of a dataset."""

    pictures: Sequence[Picture]
    classes: Sequence[ClassSeen]
    problems: Sequence[str]  # of the whole split


def look(config: Config, split: str, most: int = 10) -> Look:
    """Look at some images of a split and their masks, for a few seconds.

    Raises:
        NoTurnError: if many images are to be decoded at once.
    """
    colours = class_colours_of(config.DATASET)
    with turn_to_decode(current_settings()):
        seen = look_at_split(config, split, most=most, seconds=_SECONDS)
        pictures = [_picture(each, config, colours) for each in seen.samples]
    return Look(pictures, _classes(seen, config, colours), [*seen.problems, *seen.doubts])


def _picture(sampled: Sampled, config: Config, colours: Colours) -> Picture:
    image = masked = None
    try:
        height, width = image_size(sampled.pair.image)
        if height * width <= _LARGEST:
            image, masked = _draw(sampled, config, colours)
    except (ImageError, DatasetError):  # the problems say so
        pass
    return Picture(sampled.pair.id, image, masked, sampled.problems)


def _draw(sampled: Sampled, config: Config, colours: Colours) -> tuple[str, str | None]:
    photo = read_oriented(sampled.pair.image, Reading.of(config.IMAGE))
    step = max(1, -(-max(photo.pixels.shape[:2]) // _SIDE))
    small = photo.pixels[::step, ::step].astype(np.uint8)
    address = _address(small)
    try:
        labels, _ = fit_to(photo, sampled.pair.ground_truth.read())
    except (ImageError, DatasetError):
        return address, None
    if labels.shape != photo.pixels.shape[:2]:
        return address, None
    tints = np.zeros((256, 3), np.uint8)
    tints[: len(colours)] = colours
    return address, _address(small // 3 + (tints // 3 * 2)[labels[::step, ::step]])


def _address(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _classes(seen: SplitSamples, config: Config, colours: Colours) -> list[ClassSeen]:
    names = class_names_of(config.DATASET)
    pixels = [sum(each.pixels.get(index, 0) for each in seen.samples) for index in range(len(names))]
    total = sum(pixels) or 1
    return [
        ClassSeen(name, "#{:02x}{:02x}{:02x}".format(*colours[index]), pixels[index] / total)
        for index, name in enumerate(names)
    ]
