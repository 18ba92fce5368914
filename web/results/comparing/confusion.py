"""The confusion matrix of an evaluation: what is taken for what, and in which order classes are best shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]  # (C, C) pixels, rows are ground truth


@dataclass(frozen=True)
class Confused:
    """Pixels of one class that were taken for another one."""

    true: int
    predicted: int
    pixels: int
    share: float  # of the true class's pixels


def confusions(counts: Counts, *, by: str = "share", most: int | None = None) -> list[Confused]:
    """List the cells beside the diagonal that have pixels, the largest first.

    Args:
        counts: the matrix.
        by: "share" or "pixels".
        most: so many of them; None: all.
    """
    shares = _shares(counts)
    beside = counts * ~np.eye(len(counts), dtype=bool)
    true, predicted = np.nonzero(beside)
    sizes = (shares if by == "share" else counts)[true, predicted]
    order = np.lexsort((predicted, true, -sizes))[:most]
    return [
        Confused(int(t), int(p), int(counts[t, p]), float(shares[t, p]))
        for t, p in zip(true[order], predicted[order], strict=True)
    ]


def order_by_error(counts: Counts) -> list[int]:
    """Order classes by the share of their pixels that are taken for others, the largest first; absent ones last."""
    shares = _shares(counts)
    wrong = np.where(counts.sum(axis=1) > 0, 1 - np.diag(shares), -1)
    return [int(index) for index in np.argsort(-wrong, kind="stable")]


def order_by_similarity(counts: Counts) -> list[int]:
    """Order classes so that those that are taken for one another stand side by side.

    Average-linkage clustering: the two groups with the largest mean share of pixels exchanged between them become one,
    until all are; of the two, the ends that exchange most are joined.
    """
    shares = _shares(counts)
    affinity = shares + shares.T
    groups = [[index] for index in range(len(counts))]
    between = affinity.copy()  # mean affinity of two groups; -1 on the diagonal and of groups that are no more
    np.fill_diagonal(between, -1.0)
    for _ in range(len(groups) - 1):
        kept, taken = (int(each) for each in sorted(np.unravel_index(np.argmax(between), between.shape)))
        sizes = len(groups[kept]), len(groups[taken])
        merged = (between[kept] * sizes[0] + between[taken] * sizes[1]) / sum(sizes)
        merged[between[kept] < 0] = -1.0
        between[kept, :] = between[:, kept] = merged
        between[taken, :] = between[:, taken] = -1.0
        between[kept, kept] = -1.0
        groups[kept] = _join(groups[kept], groups[taken], affinity)
    return groups[0] if groups else []


def _join(first: list[int], second: list[int], affinity: NDArray[np.float64]) -> list[int]:
    """Put two groups in a row, turned so that the ends that meet exchange the most."""
    ways = [(a, b) for a in (first, first[::-1]) for b in (second, second[::-1])]
    a, b = max(ways, key=lambda way: float(affinity[way[0][-1], way[1][0]]))
    return a + b


def _shares(counts: Counts) -> NDArray[np.float64]:
    """Each row as shares of its pixels; zeros for a class without any."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    return shares


def search(found: Sequence[Confused], labels: Sequence[str], text: str) -> list[Confused]:
    """Take the confusions one of whose classes has a text in its name, in capital letters or small ones."""
    wanted = text.casefold()
    return [each for each in found if any(wanted in labels[index].casefold() for index in (each.true, each.predicted))]
