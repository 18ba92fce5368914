"""The classes of a job as pages show them: names, colours and shares of the pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from deeplab.images.palette import palette


@dataclass(frozen=True)
class ClassShare:
    """A class and how much of the pixels it covers."""

    index: int
    name: str
    colour: str  # as the masks' palette has it: "#800000"
    fraction: float
    n_images: int | None = None  # in which it occurs


def class_shares(
    pixels: Mapping[int, int], names: Sequence[str], n_images: Mapping[int, int] | None = None
) -> list[ClassShare]:
    """List the classes that occur, the largest first."""
    total = sum(pixels.values())
    return [
        ClassShare(index, name_of(index, names), colour(index), count / total, (n_images or {}).get(index))
        for index, count in sorted(pixels.items(), key=lambda item: -item[1])
        if count
    ]


def name_of(index: int, names: Sequence[str]) -> str:
    """The name of a class; of one without a name its number."""
    return names[index] if index < len(names) else f"class {index}"


@cache  # a page of 182 classes asks for each of them, and the palette is computed anew each time
def colour(index: int) -> str:
    """The colour of a class in masks, as "#rrggbb"."""
    return "#" + bytes(palette()[index]).hex()
