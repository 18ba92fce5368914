"""The position Gaussian as a stencil, for the standard deviation of one pixel.

A lattice over positions does not depend on the image, and one deviation further down it coincides with itself. With a
deviation of one pixel each row of an image therefore sees the same lattice, and the filter is a weighted sum over some
thirty neighbours whose weights depend on the column alone and, near the upper and lower border, on the row. They are
the lattice's answers to single pixels, computed on a strip of few rows. (Along x nothing repeats: one pixel is an
irrational step there. Other deviations repeat too rarely, or have so many taps that the lattice is faster.)
"""

import functools
from dataclasses import dataclass

import numpy as np

from deeplab.densecrf.arena import Arena
from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.chunks import WIDTH
from deeplab.densecrf.permutohedral import build_lattice
from deeplab.densecrf.team import Team

_STD = 1.0
# How far a value can travel, in pixels: one edge of a simplex to a vertex, two by three blurs along axes that sum to
# zero, and one edge back to a pixel. An edge of the lattice for two features is one deviation long.
_RADIUS = 4
_SIDE = 2 * _RADIUS + 1  # the answers to pixels so far apart never meet
_BORDER = 2 * _RADIUS  # rows whose taps, or whose neighbours' norms, the end of the image touches
# Pixels beyond which the reference's single precision is so coarse that only its own lattice gives its answer.
_MAX_EXTENT = 1500
_NEGLIGIBLE = 1e-7  # a tap of less than this is rounding


@dataclass(frozen=True)
class Stencil:
    """Taps of the pixel (x, y): starts[i]:starts[i + 1] of the other two, with i = kinds[y] * width + x."""

    kinds: Ints  # (H)
    starts: Ints  # (kinds * W + 1)
    offsets: Ints  # pixels from the one that is computed, in raster order
    weights: Floats


def build_stencil(height: int, width: int, xy_std: float) -> Stencil | None:
    """The symmetrically normalised position Gaussian for images of this size, in pixels.

    Returns:
        None where the lattice has to be used: for other deviations than one pixel, and for very large images.
    """
    if xy_std != _STD or max(height, width) > _MAX_EXTENT:
        return None
    alike = max(1, height - 2 * _BORDER)  # rows in the middle, all of one kind
    rows = np.arange(height, dtype=np.int32)
    kinds = np.where(rows < _BORDER + alike, np.minimum(rows, _BORDER), rows - (alike - 1))
    return Stencil(kinds.astype(np.int32), *_strip(height - (alike - 1), width))


@functools.lru_cache(maxsize=16)  # a few megabytes each; data sets have few widths
def _strip(height: int, width: int) -> tuple[Ints, Ints, Floats]:
    """Starts, offsets and weights of the taps of every pixel of a low image."""
    answers = _probe(height, width)
    away = np.arange(-_RADIUS, _RADIUS + 1)
    row_phase = (np.arange(height)[:, None] + away) % _SIDE
    column_phase = (np.arange(width)[:, None] + away) % _SIDE
    phase = row_phase[:, None, :, None] * _SIDE + column_phase[None, :, None, :]
    taps = np.take_along_axis(answers, phase.reshape(height * width, _SIDE**2), axis=1)
    used = np.abs(taps) > _NEGLIGIBLE
    offsets = np.broadcast_to((away[:, None] * width + away).reshape(-1), used.shape)
    starts = np.zeros(height * width + 1, np.int32)
    np.cumsum(used.sum(axis=1), out=starts[1:])
    return starts, offsets[used].astype(np.int32), taps[used]


def _probe(height: int, width: int) -> Floats:
    """The filter's answers (H * W, side * side): column p to ones at all pixels of phase p, `_SIDE` pixels apart."""
    y, x = np.divmod(np.arange(height * width), width)
    phases = (y % _SIDE) * _SIDE + x % _SIDE
    answers = np.empty((height * width, _SIDE**2), np.float32)
    with Team(1) as team:
        lattice = build_lattice(height, width, _STD, team, Arena())
        vertex_values = np.empty(lattice.n_vertices * WIDTH, np.float32)
        for first in range(0, _SIDE**2, WIDTH):
            lit = (phases[:, None] == np.arange(first, first + WIDTH)).astype(np.float32).reshape(-1)
            lattice.splat_and_blur(lit, WIDTH, vertex_values, team)
            lattice.slice(vertex_values, WIDTH, 1.0, lit, team, accumulate=False)
            part = answers[:, first : first + WIDTH]
            part[:] = lit.reshape(-1, WIDTH)[:, : part.shape[1]]
    return answers
