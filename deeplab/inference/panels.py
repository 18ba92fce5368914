"""A figure of a segmented image: the image itself, and the region of each class in it. Torch-free."""

from collections.abc import Sequence
from math import ceil, floor, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from deeplab.files import make_folder, replace_file
from deeplab.images.palette import Colours

_LARGEST_SIDE = 2400  # pixels, approximately: larger panels are shrunk
_MARGIN, _TITLE = 8, 24  # pixels


def draw_panels(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8], class_names: Sequence[str], colours: Colours
) -> Image.Image:
    """Draw the figure, a grid of panels with titles.

    Args:
        image: (H, W, 3) uint8 RGB.
        label_map: (H, W) uint8.
        class_names: of "car, auto" the first word is shown, as in the original.
        colours: of the classes.
    """
    classes = np.unique(label_map)
    n_rows = floor(sqrt(len(classes) + 1))
    n_columns = ceil((len(classes) + 1) / n_rows)
    height, width = image.shape[:2]
    scale = min(1.0, _LARGEST_SIDE / (n_columns * width), _LARGEST_SIDE / (n_rows * height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    image = np.asarray(Image.fromarray(image).resize((width, height)))
    label_map = np.asarray(Image.fromarray(label_map).resize((width, height), Image.Resampling.NEAREST))
    panels = [("Input image", image)]
    panels += [
        (class_names[index].split(",")[0], _highlight(image, label_map == index, colours[index])) for index in classes
    ]
    figure = Image.new("RGB", (_MARGIN + n_columns * (width + _MARGIN), n_rows * (height + _TITLE) + _MARGIN), "white")
    pen, font = ImageDraw.Draw(figure), ImageFont.load_default(size=14)
    for place, (title, pixels) in enumerate(panels):
        row, column = divmod(place, n_columns)
        x, y = _MARGIN + column * (width + _MARGIN), row * (height + _TITLE)
        pen.text((x, y + 4), title, fill="black", font=font)
        figure.paste(Image.fromarray(pixels), (x, y + _TITLE))
    return figure


def save_figure(path: Path, figure: Image.Image) -> None:
    """Write a figure as PNG. Raises OutputError if the file cannot be written."""
    make_folder(path.parent)
    with replace_file(path) as file:
        figure.save(file, format="PNG")


def _highlight(image: NDArray[np.uint8], region: NDArray[np.bool_], colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tint the region with its class's colour, and make everything else pale."""
    tint = np.where(region[..., None], colour, np.uint8(255)).astype(np.float32)
    weight = np.where(region[..., None], np.float32(0.5), np.float32(0.75))
    blend: NDArray[np.uint8] = (image + weight * (tint - image)).astype(np.uint8)
    return blend
