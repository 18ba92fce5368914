"""Kernels between planes and rows: check probabilities, change their layout, pick labels.

Callers hold probabilities as planes, (C, N) flat. The engine holds them in chunks of rows (see `chunks`).
"""

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Bytes, Floats, GivenFloats, Ints, Longs
from deeplab.densecrf.cpu.kernels.chunks import STEP, WIDTH, Rest, Rows
from deeplab.densecrf.cpu.kernels.compiled import kernel, part
from deeplab.densecrf.cpu.kernels.memory import item, load, store
from deeplab.densecrf.cpu.kernels.simd import scale

_BLOCK = 256  # pixels: a block of all planes stays in the second-level cache while it is read twice
_TILE = 256  # pixels whose rows stay in the first-level cache while plane after plane is written into them
_F0, _F1 = np.float32(0), np.float32(1)
_CLIP = np.float32(1e-5)  # as unary_from_softmax of pydensecrf does: no class is less likely


@kernel
def scan(
    planes: GivenFloats, tolerance: float, threshold: float, ratio: float, keep: Bytes, first: int, last: int
) -> int:  # fmt: skip
    """Check the pixels first..last - 1 and mark the classes that matter in any of them.

    A class matters where its probability is at least `threshold`, or `ratio` of the pixel's greatest.

    Args:
        planes: (C * N). threshold, ratio: float32, as the probabilities that are compared with them.
        keep: (C) set to 1 for such classes, left as it is for others.

    Returns:
        The first pixel with a value that is negative or no number, or with a sum not within `tolerance` of one; or -1.
    """
    n_pixels = planes.size // keep.size
    top = np.empty(_BLOCK, np.float32)
    least = np.empty(_BLOCK, np.float32)
    total = np.empty(_BLOCK, np.float32)
    for begin in range(first, last, _BLOCK):
        n = min(_BLOCK, last - begin)
        for b in range(n):
            top[b] = least[b] = total[b] = _F0
        for c in range(keep.size):
            plane = c * n_pixels + begin
            for b in range(n):
                value = item(planes, plane + b)
                top[b] = value if value > top[b] else top[b]
                least[b] = value if value < least[b] else least[b]
                total[b] += value
        for b in range(n):
            if not (abs(total[b] - _F1) <= tolerance and least[b] >= _F0):
                return begin + b
            top[b] = min(threshold, ratio * top[b])
        for c in range(keep.size):
            if keep[c] == 0:
                plane = c * n_pixels + begin
                found = np.int32(0)
                for b in range(n):
                    found |= np.int32(item(planes, plane + b) >= top[b])
                keep[c] = np.uint8(found)
    return -1


@part
def _clipped(value: np.float32) -> np.float32:
    value = value if value > _CLIP else _CLIP  # becomes vector code, which min and max with their care for NaN do not
    return value if value < _F1 else _F1


@part
def _row_start(rows: Rows, place: int, pixel: int) -> tuple[int, int]:
    """Find where the value of a position and pixel lies, and how far it is to that of the next pixel."""
    chunk = place // WIDTH
    lanes = WIDTH if chunk < rows.slots.size - 1 else rows.tail
    return rows.slots[chunk] + pixel * lanes + place % WIDTH, lanes


@part
def _load_tile(
    planes: GivenFloats, places: Longs, likelihood: Rows, begin: int, n: int,
    total: Floats, dropped: Floats, squares: Floats,
) -> None:  # fmt: skip
    """Clip the probabilities of pixels begin..begin + n - 1 into rows; sum up all classes and the dropped ones."""
    n_pixels = planes.size // places.size
    for b in range(n):
        total[b] = dropped[b] = squares[b] = _F0
    for c in range(places.size):
        plane = c * n_pixels + begin
        if places[c] < 0:
            for b in range(n):
                value = _clipped(item(planes, plane + b))
                dropped[b] += value
                squares[b] += value * value
        else:
            at, lanes = _row_start(likelihood, places[c], begin)
            for b in range(n):
                value = _clipped(item(planes, plane + b))
                likelihood.values[at + b * lanes] = value
                total[b] += value
    for b in range(n):
        total[b] += dropped[b]


@kernel
def gather(
    planes: GivenFloats, places: Longs, n_kept: int, likelihood: Rows, beliefs: Rows, rest: Rest, first: int, last: int
) -> None:  # fmt: skip
    """Bring the kept classes of pixels first..last - 1 into rows and start from their normalised likelihood.

    Args:
        planes: (C * N). places: (C) the position of each class among the kept ones, -1 if it is dropped.
        likelihood: written: clipped probabilities.
        beliefs: written: the same divided by their sum over all classes. Its slots are those of `likelihood`.
        rest: written.
    """
    slots, tail = likelihood.slots, likelihood.tail
    total = np.empty(_TILE, np.float32)
    dropped = np.empty(_TILE, np.float32)
    squares = np.empty(_TILE, np.float32)
    for begin in range(first, last, _TILE):
        n = min(_TILE, last - begin)
        _load_tile(planes, places, likelihood, begin, n, total, dropped, squares)
        for place in range(n_kept, (slots.size - 1) * WIDTH + tail):
            at, lanes = _row_start(likelihood, place, begin)
            for b in range(n):
                likelihood.values[at + b * lanes] = _F0
        for b in range(n):
            pixel, factor = begin + b, _F1 / total[b]
            if rest.factor.size:
                rest.likelihood[pixel], rest.mean[pixel] = dropped[b], squares[b] / dropped[b]
                rest.factor[pixel], rest.gain[pixel] = factor, _F0
            for k in range(slots.size):
                at, lanes = _row_start(likelihood, k * WIDTH, pixel)
                for lane in range(at, at + lanes, STEP):
                    store(beliefs.values, lane, scale(load(likelihood.values, lane, STEP), factor))


@kernel
def scatter(
    beliefs: Rows, places: Longs, planes: GivenFloats, rest: Rest, result: Floats, first: int, last: int
) -> None:  # fmt: skip
    """Bring the beliefs of pixels first..last - 1 back into planes.

    Args:
        places: (C) as in `gather`. planes: (C * N) the probabilities that came in.
        result: (C * N) written.
    """
    n_pixels = result.size // places.size
    for begin in range(first, last, _TILE):
        n = min(_TILE, last - begin)
        for c in range(places.size):
            plane = c * n_pixels + begin
            if places[c] < 0:
                for b in range(n):
                    value = _clipped(item(planes, plane + b))
                    factor, gain = item(rest.factor, begin + b), item(rest.gain, begin + b)
                    result[plane + b] = (value + value * value * gain) * factor
            else:
                at, lanes = _row_start(beliefs, places[c], begin)
                for b in range(n):
                    result[plane + b] = beliefs.values[at + b * lanes]


@kernel
def most_likely(
    beliefs: Rows, classes: Longs, labels: Ints, first: int, last: int
) -> None:  # fmt: skip
    """Find the class of the greatest belief of pixels first..last - 1, the lowest of equal ones.

    Args:
        classes: the class at each position. labels: (N) written.
    """
    for pixel in range(first, last):
        best, winner = np.float32(-1), 0
        for k in range(beliefs.slots.size):
            at, _ = _row_start(beliefs, k * WIDTH, pixel)
            for lane in range(min(WIDTH, classes.size - k * WIDTH)):
                if beliefs.values[at + lane] > best:
                    best, winner = beliefs.values[at + lane], k * WIDTH + lane
        labels[pixel] = np.int32(classes[winner])
