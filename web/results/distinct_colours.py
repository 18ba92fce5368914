"""Colours of classes that people can tell apart, in place of those that the classes have."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deeplab.images.palette import Colours

_STEPS = 24  # of each colour channel among which distinct colours are chosen
_LIGHTNESS = (0.5, 0.86)  # of Oklab: what can be told from black and from white
_CHROMA = (0.07, 0.2)  # of Oklab: more than grey, less than what glares


@lru_cache(maxsize=1)
def distinct_colours() -> Colours:
    """Colours that differ from one another as far as so many can, on light and on dark ground.

    Each is the one that is farthest from all before it, in Oklab.

    Source: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    grid = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    candidates = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
    places = _oklab(candidates)
    lightness, chroma = places[:, 0], np.hypot(places[:, 1], places[:, 2])
    fits = (lightness >= _LIGHTNESS[0]) & (lightness <= _LIGHTNESS[1]) & (chroma >= _CHROMA[0]) & (chroma <= _CHROMA[1])
    candidates, places = candidates[fits], places[fits]
    chosen = [int(np.argmin(np.abs(candidates.astype(int) - (66, 133, 244)).sum(axis=1)))]  # a blue to begin with
    distance = np.full(len(candidates), np.inf)
    while len(chosen) < 256:
        distance = np.minimum(distance, ((places - places[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return candidates[chosen]


def _oklab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert sRGB, (N, 3) in 0..255, to Oklab: lightness, a and b."""
    encoded = colours / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _LMS.T)
    places: NDArray[np.float64] = cones @ _LAB.T
    return places


_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
