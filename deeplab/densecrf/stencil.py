"""The position Gaussian as a stencil, where its lattice looks the same from every row of the image.

A lattice over positions does not depend on the image, and a whole number of deviations further down it coincides with
itself. So the filter is a weighted sum over a few neighbours whose weights depend on the column, on the row's phase and, near the
upper and lower border, on the row itself. They are the lattice's answers to single pixels, computed on a low strip.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

from deeplab.densecrf.arena import Arena
from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.chunks import WIDTH
from deeplab.densecrf.permutohedral import build_lattice
from deeplab.densecrf.team import Team

# Beyond this deviation the lattice is faster: there are some 32 taps for each square of a deviation.
_MAX_STD = 1.0
_MAX_PERIOD = 24  # rows
# Deviations that a value can travel: one edge of a simplex to a vertex, two by three blurs along axes that sum to
# zero, and one edge back to a pixel. An edge of the lattice for two features is one deviation long.
_REACH = 4
_MAX_EXTENT = 1500  # deviations
_NEGLIGIBLE = 1e-7  # a tap of less than this is rounding


@dataclass(frozen=True)
class Stencil:
    """Taps of the pixel (x, y): starts[i]:starts[i + 1] of the other two, with i = kinds[y] * width + x."""

    kinds: Ints  # (H)
    starts: Ints  # (kinds * W + 1)
    offsets: Ints  # pixels from the one that is computed, in raster order
    weights: Floats


def build_stencil(height: int, width: int, xy_std: float) -> Stencil | None:
    """The symmetrically normalised position Gaussian for images of this size.

    Args:
        height, width: pixels.
        xy_std: standard deviation in pixels.

    Returns:
        None where the lattice has to be used: the rows do not repeat soon, the taps are too many, or the image is so
        large that the reference's lattice coordinates, in single precision, are noticeably off.
    """
    period = _period(xy_std)
    if period is None or height > _MAX_EXTENT * xy_std or width > _MAX_EXTENT * xy_std:
        return None
    border = 2 * _radius(xy_std)  # rows whose taps, or whose neighbours' norms, the end of the image touches
    spare = max(0, (height - 2 * border) // period - 1) * period
    rows = np.arange(height)
    interior = border + (rows - border) % period
    kinds = np.where(rows < border + period, rows, np.where(rows >= height - border, rows - spare, interior))
    if spare == 0:
        kinds = rows
    return Stencil(kinds.astype(np.int32), *_strip(height - spare, width, xy_std))


def _period(xy_std: float) -> int | None:
    """After how many rows the lattice repeats; None where a stencil does not pay."""
    if xy_std > _MAX_STD:
        return None
    for rows in range(1, _MAX_PERIOD + 1):
        features = rows / xy_std
        if round(features) and math.isclose(features, round(features), rel_tol=1e-6):
            return rows
    return None


def _radius(xy_std: float) -> int:
    return math.ceil(_REACH * xy_std)


@functools.lru_cache(maxsize=16)  # a few megabytes each; data sets have few widths
def _strip(height: int, width: int, xy_std: float) -> tuple[Ints, Ints, Floats]:
    """Starts, offsets and weights of the taps of every pixel of a low image."""
    radius = _radius(xy_std)
    side = 2 * radius + 1  # probes so far apart never meet in one pixel
    answers = _probe(height, width, xy_std, side)
    away = np.arange(-radius, radius + 1)
    row_phase = (np.arange(height)[:, None] + away) % side
    column_phase = (np.arange(width)[:, None] + away) % side
    phase = row_phase[:, None, :, None] * side + column_phase[None, :, None, :]
    taps = np.take_along_axis(answers, phase.reshape(height * width, side * side), axis=1)
    used = np.abs(taps) > _NEGLIGIBLE
    offsets = np.broadcast_to((away[:, None] * width + away).reshape(-1), used.shape)
    starts = np.zeros(height * width + 1, np.int32)
    np.cumsum(used.sum(axis=1), out=starts[1:])
    return starts, offsets[used].astype(np.int32), taps[used]


def _probe(height: int, width: int, xy_std: float, side: int) -> Floats:
    """The filter's answers (H * W, side * side): column p to ones at all pixels of phase p, `side` pixels apart."""
    y, x = np.divmod(np.arange(height * width), width)
    phases = (y % side) * side + x % side
    answers = np.empty((height * width, side * side), np.float32)
    with Team(1) as team:
        lattice = build_lattice(height, width, xy_std, team, Arena())
        vertex_values = np.empty(lattice.n_vertices * WIDTH, np.float32)
        for first in range(0, side * side, WIDTH):
            lit = (phases[:, None] == np.arange(first, first + WIDTH)).astype(np.float32).reshape(-1)
            lattice.splat_and_blur(lit, WIDTH, vertex_values, team)
            lattice.slice(vertex_values, WIDTH, 1.0, lit, team, accumulate=False)
            part = answers[:, first : first + WIDTH]
            part[:] = lit.reshape(-1, WIDTH)[:, : part.shape[1]]
    return answers
