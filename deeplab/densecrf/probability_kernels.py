"""numba kernels that touch all classes of a pixel: checks, change of layout, softmax, labels.

Callers hold probabilities as planes, (C, N) flat. The engine holds them in chunks of rows (see `chunks`); a chunk lies
in a slot of a flat buffer, `slots[k]` is where slot of chunk k begins, and only the last chunk may be narrow.
"""

import numpy as np
from numba import njit

from deeplab.densecrf.chunks import NARROW, WIDE
from deeplab.densecrf.compiled import BYTES, FLOAT, FLOATS, INT, INTS, LONGS, READ_FLOATS, kernel
from deeplab.densecrf.simd import add, exp_below, lane_maximum, lane_sum, load, maximum, multiply, scale, store, zeros

_BLOCK = 256  # pixels: a block of all planes stays in the second-level cache while it is read twice
_TILE = 64  # pixels whose rows stay in the first-level cache while plane after plane is written into them
_F0, _F1 = np.float32(0), np.float32(1)
_CLIP = np.float32(1e-5)  # as unary_from_softmax of pydensecrf does: no class is less likely


@kernel(READ_FLOATS, INT, FLOAT, FLOAT, FLOAT, BYTES, INT, INT)
def scan(planes, n_pixels, tolerance, threshold, ratio, keep, first, last):  # type: ignore[no-untyped-def]
    """Check the pixels first..last - 1 and mark the classes that matter in any of them.

    A class matters where its probability is at least `threshold`, or `ratio` of the pixel's greatest.

    Args:
        keep: (C) set to 1 for such classes, left as it is for others.

    Returns:
        The first pixel with a value below zero or not a number, or with a sum further than `tolerance` from one; else -1.
    """
    n_classes = keep.size
    top = np.empty(_BLOCK, np.float32)
    least = np.empty(_BLOCK, np.float32)
    total = np.empty(_BLOCK, np.float32)
    for begin in range(first, last, _BLOCK):
        n = min(_BLOCK, last - begin)
        for b in range(n):
            top[b] = least[b] = total[b] = _F0
        for c in range(n_classes):
            plane = c * n_pixels + begin
            for b in range(n):
                value = planes[plane + b]
                top[b] = max(top[b], value)
                least[b] = min(least[b], value)
                total[b] += value
        for b in range(n):
            if not (abs(total[b] - _F1) <= tolerance and least[b] >= _F0):
                return begin + b
            top[b] = min(threshold, ratio * top[b])
        for c in range(n_classes):
            if keep[c] == 0:
                plane = c * n_pixels + begin
                found = np.uint8(0)
                for b in range(n):
                    found |= np.uint8(planes[plane + b] >= top[b])
                keep[c] = found
    return -1


@njit(inline="always")  # type: ignore[untyped-decorator]
def _clipped(value):  # type: ignore[no-untyped-def]
    return min(max(value, _CLIP), _F1)


@njit(inline="always")  # type: ignore[untyped-decorator]
def _lanes_at(position, n_wide):  # type: ignore[no-untyped-def]
    return WIDE if position < n_wide * WIDE else NARROW


@kernel(READ_FLOATS, INT, LONGS, INT, INT, LONGS, FLOATS, FLOATS, FLOATS, FLOATS, INT, INT)
def gather(planes, n_pixels, places, n_kept, n_wide, slots, likelihood, beliefs, rest, rest_scale, first, last):  # type: ignore[no-untyped-def]
    """Bring the kept classes of pixels first..last - 1 into rows and start from their normalised likelihood.

    Args:
        places: (C) the position of each class among the kept ones, -1 if it is dropped.
        slots: where each chunk begins, in `likelihood` as in `beliefs`.
        likelihood, beliefs: written: clipped probabilities, and the same divided by their sum over all classes.
        rest: (N) written: the sum over the dropped classes; (0) if there are none.
        rest_scale: as long, written: what turns a dropped class's likelihood into its probability.
    """
    total = np.empty(_TILE, np.float32)
    dropped = np.empty(_TILE, np.float32)
    n_padded = slots.size * WIDE if n_wide == slots.size else n_wide * WIDE + NARROW
    for begin in range(first, last, _TILE):
        n = min(_TILE, last - begin)
        for b in range(n):
            total[b] = dropped[b] = _F0
        for c in range(places.size):
            plane = c * n_pixels + begin
            place = places[c]
            if place < 0:
                for b in range(n):
                    dropped[b] += _clipped(planes[plane + b])
                continue
            lanes = _lanes_at(place, n_wide)
            at = slots[place // WIDE] + begin * lanes + place % WIDE
            for b in range(n):
                value = _clipped(planes[plane + b])
                likelihood[at + b * lanes] = value
                total[b] += value
        for place in range(n_kept, n_padded):
            lanes = _lanes_at(place, n_wide)
            at = slots[place // WIDE] + begin * lanes + place % WIDE
            for b in range(n):
                likelihood[at + b * lanes] = _F0
        for b in range(n):
            total[b] = _F1 / (total[b] + dropped[b])
            if rest.size:
                rest[begin + b] = dropped[b]
                rest_scale[begin + b] = total[b]
        for k in range(slots.size):
            if k < n_wide:
                for b in range(n):
                    at = slots[k] + (begin + b) * WIDE
                    store(beliefs, at, scale(load(likelihood, at, WIDE), total[b]))
            else:
                for b in range(n):
                    at = slots[k] + (begin + b) * NARROW
                    store(beliefs, at, scale(load(likelihood, at, NARROW), total[b]))


@kernel(FLOATS, LONGS, INT, FLOATS, LONGS, FLOATS, FLOATS, INT, INT)
def softmax(messages, slots, n_wide, likelihood, likelihood_slots, rest, rest_scale, first, last):  # type: ignore[no-untyped-def]
    """Replace the messages of pixels first..last - 1 by likelihood * exp(message), normalised.

    Dropped classes take part with a message of zero.

    Args:
        rest: (N) likelihood of all dropped classes; (0) if there are none.
        rest_scale: as long, written.
    """
    n_slots = slots.size
    for pixel in range(first, last):
        top = _F0  # the message of a dropped class; none is below it
        if n_wide:
            row = load(messages, slots[0] + pixel * WIDE, WIDE)
            for k in range(1, n_wide):
                row = maximum(row, load(messages, slots[k] + pixel * WIDE, WIDE))
            top = max(top, lane_maximum(row))
        if n_slots > n_wide:
            top = max(top, lane_maximum(load(messages, slots[n_wide] + pixel * NARROW, NARROW)))
        wide_sum = zeros(WIDE)
        for k in range(n_wide):
            at = slots[k] + pixel * WIDE
            prior = load(likelihood, likelihood_slots[k] + pixel * WIDE, WIDE)
            row = multiply(prior, exp_below(load(messages, at, WIDE), top))
            store(messages, at, row)
            wide_sum = add(wide_sum, row)
        total = lane_sum(wide_sum)
        if n_slots > n_wide:
            at = slots[n_wide] + pixel * NARROW
            prior = load(likelihood, likelihood_slots[n_wide] + pixel * NARROW, NARROW)
            narrow_row = multiply(prior, exp_below(load(messages, at, NARROW), top))
            store(messages, at, narrow_row)
            total += lane_sum(narrow_row)
        if rest.size:
            unmoved = np.exp(-top)
            total += rest[pixel] * unmoved
            rest_scale[pixel] = unmoved / total
        factor = _F1 / total
        for k in range(n_wide):
            at = slots[k] + pixel * WIDE
            store(messages, at, scale(load(messages, at, WIDE), factor))
        if n_slots > n_wide:
            at = slots[n_wide] + pixel * NARROW
            store(messages, at, scale(load(messages, at, NARROW), factor))


@kernel(FLOATS, LONGS, INT, LONGS, READ_FLOATS, FLOATS, FLOATS, INT, INT)
def scatter(beliefs, slots, n_wide, places, planes, rest_scale, result, first, last):  # type: ignore[no-untyped-def]
    """Bring the beliefs of pixels first..last - 1 back into planes.

    Args:
        places: (C) as in `gather`. planes: (C * N) the probabilities that came in; dropped classes are scaled.
        result: (C * N) written.
    """
    n_pixels = result.size // places.size
    for begin in range(first, last, _TILE):
        n = min(_TILE, last - begin)
        for c in range(places.size):
            plane = c * n_pixels + begin
            place = places[c]
            if place < 0:
                for b in range(n):
                    result[plane + b] = _clipped(planes[plane + b]) * rest_scale[begin + b]
                continue
            lanes = _lanes_at(place, n_wide)
            at = slots[place // WIDE] + begin * lanes + place % WIDE
            for b in range(n):
                result[plane + b] = beliefs[at + b * lanes]


@kernel(FLOATS, LONGS, INT, LONGS, INTS, INT, INT)
def most_likely(beliefs, slots, n_wide, classes, labels, first, last):  # type: ignore[no-untyped-def]
    """The class of the greatest belief of pixels first..last - 1, the lowest of equal ones.

    Args:
        classes: the class at each position. labels: (N) written.
    """
    for pixel in range(first, last):
        best, winner = np.float32(-1), 0
        for place in range(classes.size):
            lanes = _lanes_at(place, n_wide)
            value = beliefs[slots[place // WIDE] + pixel * lanes + place % WIDE]
            if value > best:
                best, winner = value, place
        labels[pixel] = np.int32(classes[winner])
