"""The classes of a job as pages show them: names, colours and shares of the pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.images.palette import Colours


@dataclass(frozen=True)
class ClassShare:
    """A class and how much of the pixels it covers."""

    index: int
    name: str
    colour: str  # "#800000"
    fraction: float
    n_images: int | None = None  # in which it occurs


def class_shares(
    pixels: Mapping[int, int], names: Sequence[str], colours: Colours, n_images: Mapping[int, int] | None = None
) -> list[ClassShare]:
    """List the classes that occur, the largest first.

    Args:
        pixels: by class.
        names: of the classes.
        colours: of the classes.
        n_images: in which they occur, by class.
    """
    total = sum(pixels.values())
    return [
        ClassShare(index, name_of(index, names), as_hex(colours[index]), count / total, (n_images or {}).get(index))
        for index, count in sorted(pixels.items(), key=lambda item: -item[1])
        if count
    ]


def name_of(index: int, names: Sequence[str]) -> str:
    """The name of a class; of one without a name its number."""
    return names[index] if index < len(names) else f"class {index}"


def as_hex(colour: NDArray[np.uint8]) -> str:
    """A colour, (3,) RGB, as "#rrggbb"."""
    return "#" + bytes(colour).hex()
