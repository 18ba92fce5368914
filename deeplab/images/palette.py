"""The colours of the classes: the colour map of PASCAL VOC. Torch-free."""

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]  # red, green, blue
Colours = NDArray[np.uint8]  # (256, 3) RGB, a row per value of a label map


def as_colour(rgb: NDArray[np.integer]) -> Colour:
    """Turn an array of three numbers into a colour."""
    red, green, blue = rgb.tolist()
    return red, green, blue


def palette(n_classes: int = 256) -> Colours:
    """Compute VOC's colours for the values of a mask.

    Values from `n_classes` on are not classes, 255 ("ignore") among them; they all get the pale colour of VOC's object
    borders, so that they stand out.

    Returns:
        (256, 3) uint8 RGB, one row per value; row 0 is black.

    Raises:
        ValueError: if `n_classes` is not in 1..256.

    Source: `VOClabelcolormap.m` of the VOC 2012 development kit. The bits of the index go to red, green and blue in
    turn, and fill each of them from the highest bit down.
    """
    if not 1 <= n_classes <= 256:
        raise ValueError(f"a mask can hold 1 to 256 classes, not {n_classes}")
    index = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    colours[n_classes:] = colours[255]
    return colours.astype(np.uint8)
