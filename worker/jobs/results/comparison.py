"""Compare two evaluations of the same split image by image: is one better, or is it noise?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.jobs.results.store import Results

DRAWS = 1000
_SEED = 20_240_501  # equal questions have equal answers
_AT_ONCE = 2048  # images of a block: what DRAWS draws of them take is some megabytes
_WITHIN = (2.5, 97.5)  # percentiles of a 95 % interval


@dataclass(frozen=True)
class Difference:
    """How much more one evaluation scores than another, with the 95 % interval of that difference."""

    value: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether another choice of images could as well have turned it around."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """What evaluation B has over evaluation A."""

    mean_iou: Difference
    class_iou: dict[int, Difference]  # of the classes that occur in the ground truth
    n_images: int


@dataclass(frozen=True)
class Counts:
    """Pixels by image and class of one evaluation: (N, C) each, of the same images and classes as another one's."""

    hits: NDArray[np.float32]
    union: NDArray[np.float32]
    true: NDArray[np.float32]


def compare(first: Results, second: Results) -> Comparison | None:
    """Compare by a paired bootstrap over the images: each draw scores both evaluations on the same choice of images.

    Returns:
        None if the evaluations do not share their images, or have none.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile intervals).
    """
    counts = _read_both(first, second)
    if counts is None:
        return None
    occurs = np.flatnonzero(counts[0].true.sum(axis=0) > 0)
    drawn = _draw(counts)
    actual = [_iou(each.hits.sum(axis=0, keepdims=True), each.union.sum(axis=0, keepdims=True)) for each in counts]
    by_class = drawn[1] - drawn[0]  # (DRAWS, C)
    differences = (actual[1] - actual[0])[0]
    means = np.nanmean(by_class[:, occurs], axis=1)
    return Comparison(
        mean_iou=_difference(float(np.nanmean(differences[occurs])), means),
        class_iou={int(index): _difference(float(differences[index]), by_class[:, index]) for index in occurs},
        n_images=len(counts[0].hits),
    )


def _read_both(first: Results, second: Results) -> tuple[Counts, Counts] | None:
    rows = [results.counts_by_image() for results in (first, second)]
    keys = [np.unique(each["key"]) for each in rows]
    if not len(keys[0]) or not np.array_equal(keys[0], keys[1]):
        return None
    n_classes = 1 + int(max(each["class"].max() for each in rows))
    tables = [_table(each, keys[0], n_classes) for each in rows]
    return tables[0], tables[1]


def _table(rows: dict[str, NDArray[np.generic]], keys: NDArray[np.generic], n_classes: int) -> Counts:
    """Turn rows of (image, class) into tables, (N, C); a class that an image lacks has no pixels there."""
    at = np.searchsorted(keys, rows["key"]), rows["class"]
    tables = {name: np.zeros((len(keys), n_classes), np.float32) for name in ("hits", "union", "true")}
    for name, table in tables.items():
        table[at] = rows[name]
    return Counts(**tables)


def _draw(counts: tuple[Counts, Counts]) -> list[NDArray[np.float64]]:
    """IoU of both evaluations by draw and class, (DRAWS, C); a draw takes as many images as there are, with repeats."""
    random = np.random.default_rng(_SEED)
    n_images, n_classes = counts[0].hits.shape
    sums = np.zeros((2, 2, DRAWS, n_classes))  # of evaluation; of hits and union
    for images, times in _blocks(random, n_images):
        for place, each in enumerate(counts):
            sums[place, 0] += times @ each.hits[images]
            sums[place, 1] += times @ each.union[images]
    return [_iou(hits, union) for hits, union in sums]


def _blocks(random: np.random.Generator, n_images: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield images with how many times each draw takes them, (DRAWS, images), block by block.

    All blocks together are multinomial: first it is drawn how many of a draw's images lie in the block.
    """
    left = np.full(DRAWS, n_images)
    for start in range(0, n_images, _AT_ONCE):
        size = min(_AT_ONCE, n_images - start)
        inside = random.binomial(left, min(1.0, size / (n_images - start)))
        left -= inside
        yield slice(start, start + size), random.multinomial(inside, np.full(size, 1 / size)).astype(np.float32)


def _iou(hits: NDArray[np.floating], union: NDArray[np.floating]) -> NDArray[np.float64]:
    iou: NDArray[np.float64] = np.divide(hits, union, out=np.full(hits.shape, np.nan), where=union > 0)
    return iou


def _difference(value: float, drawn: Sequence[float] | NDArray[np.float64]) -> Difference:
    low, high = np.nanpercentile(drawn, _WITHIN)
    return Difference(value, float(low), float(high))
