"""numba kernels between planes and rows: checks, change of layout, labels.

Callers hold probabilities as planes, (C, N) flat. The engine holds them in chunks of rows (see `chunks`): chunk k
begins at `slots[k]` of a flat buffer, and the last one has `tail` lanes.
"""

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Bytes, Floats, GivenFloats, Ints, Longs
from deeplab.densecrf.cpu.kernels.chunks import STEP, WIDTH
from deeplab.densecrf.cpu.kernels.compiled import kernel, part
from deeplab.densecrf.cpu.kernels.memory import item, load, store
from deeplab.densecrf.cpu.kernels.simd import scale

_BLOCK = 256  # pixels: a block of all planes stays in the second-level cache while it is read twice
_TILE = 256  # pixels whose rows stay in the first-level cache while plane after plane is written into them
_F0, _F1 = np.float32(0), np.float32(1)
REST = 4  # numbers that stand for all dropped classes of a pixel
_CLIP = np.float32(1e-5)  # as unary_from_softmax of pydensecrf does: no class is less likely


@kernel
def scan(
    planes: GivenFloats, n_pixels: int, tolerance: float, threshold: float, ratio: float, keep: Bytes,
    first: int, last: int,
) -> int:  # fmt: skip
    """Check the pixels first..last - 1 and mark the classes that matter in any of them.

    A class matters where its probability is at least `threshold`, or `ratio` of the pixel's greatest.

    Args:
        keep: (C) set to 1 for such classes, left as it is for others.

    Returns:
        The first pixel with a value that is negative or no number, or with a sum not within `tolerance` of one; or -1.
    """
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
def _row_start(place: int, slots: Longs, tail: int, pixel: int) -> tuple[int, int]:
    """Where the value of a position and pixel lies, and how far it is to that of the next pixel."""
    chunk = place // WIDTH
    lanes = WIDTH if chunk < slots.size - 1 else tail
    return slots[chunk] + pixel * lanes + place % WIDTH, lanes


@part
def _load_tile(
    planes: GivenFloats, n_pixels: int, places: Longs, slots: Longs, tail: int, likelihood: Floats,
    begin: int, n: int, total: Floats, dropped: Floats, squares: Floats,
) -> None:  # fmt: skip
    """Clip the probabilities of pixels begin..begin + n - 1 into rows; sum up all classes and the dropped ones."""
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
            at, lanes = _row_start(places[c], slots, tail, begin)
            for b in range(n):
                value = _clipped(item(planes, plane + b))
                likelihood[at + b * lanes] = value
                total[b] += value
    for b in range(n):
        total[b] += dropped[b]


@kernel
def gather(
    planes: GivenFloats, n_pixels: int, places: Longs, n_kept: int, slots: Longs, tail: int,
    likelihood: Floats, beliefs: Floats, rest: Floats, first: int, last: int,
) -> None:  # fmt: skip
    """Bring the kept classes of pixels first..last - 1 into rows and start from their normalised likelihood.

    Args:
        places: (C) the position of each class among the kept ones, -1 if it is dropped.
        slots: where each chunk begins, in `likelihood` as in `beliefs`.
        likelihood, beliefs: written: clipped probabilities, and the same divided by their sum over all classes.
        rest: (4 * N) written, (0) if no class is dropped. Planes of the sum of the dropped likelihoods, the sum of
            their squares divided by it, and how `scatter` turns one into a belief: factor and gain.
    """
    total = np.empty(_TILE, np.float32)
    dropped = np.empty(_TILE, np.float32)
    squares = np.empty(_TILE, np.float32)
    for begin in range(first, last, _TILE):
        n = min(_TILE, last - begin)
        _load_tile(planes, n_pixels, places, slots, tail, likelihood, begin, n, total, dropped, squares)
        for place in range(n_kept, (slots.size - 1) * WIDTH + tail):
            at, lanes = _row_start(place, slots, tail, begin)
            for b in range(n):
                likelihood[at + b * lanes] = _F0
        for b in range(n):
            factor = _F1 / total[b]
            if rest.size:
                pixel = begin + b
                rest[pixel], rest[n_pixels + pixel] = dropped[b], squares[b] / dropped[b]
                rest[2 * n_pixels + pixel], rest[3 * n_pixels + pixel] = factor, _F0
            for k in range(slots.size):
                at, lanes = _row_start(k * WIDTH, slots, tail, begin + b)
                for lane in range(at, at + lanes, STEP):
                    store(beliefs, lane, scale(load(likelihood, lane, STEP), factor))


@kernel
def scatter(
    beliefs: Floats, slots: Longs, tail: int, places: Longs, planes: GivenFloats, rest: Floats, result: Floats,
    first: int, last: int,
) -> None:  # fmt: skip
    """Bring the beliefs of pixels first..last - 1 back into planes.

    Args:
        places: (C) as in `gather`. planes: (C * N) the probabilities that came in. rest: as in `gather`.
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
                    factor, gain = item(rest, 2 * n_pixels + begin + b), item(rest, 3 * n_pixels + begin + b)
                    result[plane + b] = (value + value * value * gain) * factor
            else:
                at, lanes = _row_start(places[c], slots, tail, begin)
                for b in range(n):
                    result[plane + b] = beliefs[at + b * lanes]


@kernel
def most_likely(
    beliefs: Floats, slots: Longs, tail: int, classes: Longs, labels: Ints, first: int, last: int
) -> None:  # fmt: skip
    """The class of the greatest belief of pixels first..last - 1, the lowest of equal ones.

    Args:
        classes: the class at each position. labels: (N) written.
    """
    for pixel in range(first, last):
        best, winner = np.float32(-1), 0
        for k in range(slots.size):
            at, _ = _row_start(k * WIDTH, slots, tail, pixel)
            for lane in range(min(WIDTH, classes.size - k * WIDTH)):
                if beliefs[at + lane] > best:
                    best, winner = beliefs[at + lane], k * WIDTH + lane
        labels[pixel] = np.int32(classes[winner])
