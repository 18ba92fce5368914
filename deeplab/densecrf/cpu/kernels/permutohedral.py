"""Kernels that build a permutohedral lattice: embed the pixels, number the vertices, link them, normalise.

Notation of Adams, Baek and Davis (2010): d features; each pixel lies in a simplex of d + 1 vertices, one of each
remainder 0..d modulo d + 1. All coordinates of a vertex equal its remainder modulo d + 1, so the quotients and the
remainder say everything: `key = 8 * sum(radix[j] * quotient[j]) + remainder` with a mixed radix that the image's size
and the deviations determine (see `geometry`). `step[j] = 8 * radix[j]`, and step[0] = 0, since the first coordinate
follows from the others.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.cpu.kernels.arrays import Bytes, Floats, GivenBytes, Ints, Longs
from deeplab.densecrf.cpu.kernels.compiled import kernel, part
from deeplab.densecrf.cpu.kernels.memory import item

_BLOCK = 128  # pixels worked on at once: scratch rows stay in the first-level cache, loops over them become vector code
_HASH = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: multiplicative hashing (Knuth, TAOCP 3, 6.4)
_F0, _F1 = np.float32(0), np.float32(1)


class Scheme(NamedTuple):
    """How features become coordinates, and vertices keys (see `geometry`)."""

    factors: Floats  # (d) diagonal of the elevation matrix
    steps: Longs  # (d + 1), see above
    origin: int  # key of the zero vertex


@part
def _elevate(
    colours: GivenBytes, width: int, xy_std: float, rgb_std: float, factors: Floats, begin: int, n: int,
    feature: NDArray[np.float32], elevated: NDArray[np.float32], total: Floats,
) -> None:  # fmt: skip
    """Map the features of pixels begin..begin + n - 1 to the plane of coordinates with sum zero."""
    d = factors.size
    for b in range(n):
        feature[0, b] = np.float32((begin + b) % width) / xy_std
        feature[1, b] = np.float32((begin + b) // width) / xy_std
        total[b] = _F0
    for channel in range(d - 2):
        for b in range(n):
            feature[2 + channel, b] = np.float32(colours[(begin + b) * 3 + channel]) / rgb_std
    for j in range(d, 0, -1):
        for b in range(n):
            scaled = feature[j - 1, b] * factors[j - 1]
            elevated[j, b] = total[b] - np.float32(j) * scaled
            total[b] += scaled
    for b in range(n):
        elevated[0, b] = total[b]


@part
def _round_to_lattice(
    elevated: NDArray[np.float32], quotient: NDArray[np.float32], rest: NDArray[np.float32], rank: NDArray[np.int32],
    excess: Ints, n: int,
) -> None:  # fmt: skip
    """Find the vertex of remainder zero beside each point, and the rank of what is left in each coordinate."""
    corners = elevated.shape[0]
    share, period = _F1 / np.float32(corners), np.float32(corners)
    for b in range(n):
        excess[b] = 0
    # The nearest point whose coordinates are all multiples of d + 1; their sum may not be zero.
    for j in range(corners):
        for b in range(n):
            whole = np.rint(share * elevated[j, b])
            quotient[j, b] = whole
            excess[b] += np.int32(whole)
            rest[j, b] = elevated[j, b] - whole * period
            rank[j, b] = 0
    for i in range(corners - 1):
        for j in range(i + 1, corners):
            for b in range(n):
                less = np.int32(rest[i, b] < rest[j, b])
                rank[i, b] += less
                rank[j, b] += np.int32(1) - less
    # Back to sum zero: the coordinates that were rounded furthest move by one period.
    for j in range(corners):
        for b in range(n):
            shifted = rank[j, b] + excess[b]
            wrap = np.int32(shifted < 0) - np.int32(shifted >= corners)
            rank[j, b] = shifted + wrap * np.int32(corners)
            whole = quotient[j, b] + np.float32(wrap)
            quotient[j, b] = whole
            rest[j, b] = (elevated[j, b] - whole * period) * share


@kernel
def embed(
    colours: GivenBytes, width: int, xy_std: float, rgb_std: float, scheme: Scheme, keys: Longs, weights: Floats,
    first: int, last: int,
) -> None:  # fmt: skip
    """Find the simplex and the barycentric weights of the pixels first..last - 1.

    Every float32 operation is done in the order of the reference implementation, because a point on the border of two
    simplices falls to one or the other by its last bit.

    Args:
        colours: (N * 3) uint8 if there are five features, unused with two.
        width: pixels of a row. xy_std, rgb_std: standard deviations, float32 as the features that they divide.
        keys: (N * (d + 1)) written: vertices by remainder. weights: (N * (d + 1)) written.
    """
    factors, steps = scheme.factors, scheme.steps
    d = factors.size
    corners = d + 1
    feature = np.empty((d, _BLOCK), np.float32)
    elevated = np.empty((corners, _BLOCK), np.float32)
    quotient = np.empty((corners, _BLOCK), np.float32)
    rest = np.empty((corners, _BLOCK), np.float32)
    rank = np.empty((corners, _BLOCK), np.int32)
    total = np.empty(_BLOCK, np.float32)
    excess = np.empty(_BLOCK, np.int32)
    rest_by_rank = np.empty(corners, np.float32)
    step_by_rank = np.empty(corners, np.int64)
    for begin in range(first, last, _BLOCK):
        n = min(_BLOCK, last - begin)
        _elevate(colours, width, xy_std, rgb_std, factors, begin, n, feature, elevated, total)
        _round_to_lattice(elevated, quotient, rest, rank, excess, n)
        for b in range(n):
            key = scheme.origin
            for j in range(corners):
                key += np.int64(quotient[j, b]) * steps[j]
                rest_by_rank[rank[j, b]] = rest[j, b]
                step_by_rank[rank[j, b]] = steps[j]
            at = (begin + b) * corners
            keys[at] = key
            weights[at] = rest_by_rank[d] + (_F1 - rest_by_rank[0])
            for r in range(1, corners):
                # The vertex of the next remainder: one more coordinate has lost a period.
                key += 1 - step_by_rank[corners - r]
                keys[at + r] = key
                weights[at + r] = rest_by_rank[d - r] - rest_by_rank[corners - r]


@part
def _slot(key: int, shift: int) -> int:
    return np.int64(np.uint64(key) * _HASH >> np.uint64(shift))  # type: ignore[return-value]


@kernel
def number(
    keys: Longs, begin: int, table: Longs, shift: int, vertices: Ints, distinct: Longs, known: int
) -> tuple[int, int]:  # fmt: skip
    """Give each distinct key a number in order of its first occurrence, until the table is half full.

    Neighbouring pixels come one after the other, so neighbouring vertices get near numbers and share cache lines.

    Args:
        keys: keys[begin:] are numbered. table: (capacity * 2) pairs of key and number, -1 where empty.
        shift: 64 less the binary logarithm of the capacity. vertices: written for each key.
        distinct: (capacity / 2 at least) the key of each number. known: how many numbers there are.

    Returns:
        (how many numbers there are now, the first entry of keys without a number).
    """
    mask = table.size // 2 - 1
    limit = table.size // 4
    for at in range(begin, keys.size):
        key = keys[at]
        slot = _slot(key, shift)
        while table[2 * slot] != key and table[2 * slot] >= 0:
            slot = (slot + 1) & mask
        if table[2 * slot] < 0:
            if known >= limit:
                return known, at
            table[2 * slot] = key
            table[2 * slot + 1] = known
            distinct[known] = key
            known += 1
        vertices[at] = np.int32(table[2 * slot + 1])
    return known, keys.size


@kernel
def refill(
    distinct: Longs, known: int, table: Longs, shift: int
) -> None:  # fmt: skip
    """Enter the numbered keys into a new, empty table."""
    mask = table.size // 2 - 1
    for number_ in range(known):
        slot = _slot(distinct[number_], shift)
        while table[2 * slot] >= 0:
            slot = (slot + 1) & mask
        table[2 * slot] = distinct[number_]
        table[2 * slot + 1] = number_


@part
def _collect(following: Ints, preceded: Bytes, items: Ints, starts: Ints) -> int:
    """Walk every chain from its first vertex."""
    chains = at = 0
    for vertex in range(following.size):
        if preceded[vertex] == 0 and following[vertex] >= 0:
            starts[chains] = at
            chains += 1
            walker = vertex
            while walker >= 0:
                items[at] = walker
                at += 1
                walker = following[walker]
    starts[chains] = at
    return chains


@part
def _find(keys: Longs, order: Longs, places: Longs, distance: int, following: Ints, preceded: Bytes) -> None:
    """Note for each place whose key there is one at a fixed distance from; a pointer that only advances finds all."""
    near = np.int64(0)
    for place in range(places.size):
        here = item(places, place)
        wanted = item(keys, here) + distance
        while near < keys.size and item(keys, near) < wanted:
            near += 1
        neighbour = np.int32(-1)
        if near < keys.size and item(keys, near) == wanted:
            neighbour = np.int32(item(order, near))
            preceded[neighbour] = 1
        following[item(order, here)] = neighbour


@kernel
def link(
    keys: Longs, order: Longs, inner: Longs, outer: Longs, steps: Longs, axis: int,
    following: Ints, preceded: Bytes, items: Ints, starts: Ints,
) -> int:  # fmt: skip
    """Find the chains of vertices that follow each other along one axis; a vertex without neighbours is in none.

    One step along axis j takes one from every coordinate and d + 1 more to coordinate j. In quotients that is one more
    for j where the remainder is above 0, else one less for all others. Either way it adds a constant to the key.

    Args:
        keys: (M) sorted. order: (M) the number of the vertex of each key.
        inner, outer: the places of keys with a remainder above 0, and of those with 0.
        following, preceded: (M) scratch.
        items: (M) written: the vertices, chain after chain. starts: (M / 2 + 1) written: where each begins.

    Returns:
        The number of chains; starts[that] is the number of items.
    """
    for vertex in range(keys.size):
        preceded[vertex] = 0
    _find(keys, order, inner, steps[axis] - 1, following, preceded)
    _find(keys, order, outer, steps[axis] - steps.sum() + (steps.size - 1), following, preceded)
    return _collect(following, preceded, items, starts)  # type: ignore[no-any-return]


@kernel
def normalise(filtered_ones: Floats, corners: int, weights: Floats) -> None:
    """Fold the symmetric normalisation into the weights, which serve splat and slice.

    Args:
        filtered_ones: (N) what the bare filter makes of ones. weights: (N * corners) changed in place.
    """
    for pixel in range(filtered_ones.size):
        norm = np.float32(1.0 / np.sqrt(np.float64(filtered_ones[pixel]) + 1e-20))
        for corner in range(corners):
            weights[pixel * corners + corner] *= norm
