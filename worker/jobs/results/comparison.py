"""Compare two evaluations of the same split image by image: is one better, or is it noise?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.jobs.results.store import Results

DRAWS = 1000
_SEED = 20_240_501  # equal questions have equal answers
_AT_ONCE = 2048  # images of a block: what DRAWS draws of them take is some megabytes
_WITHIN = (2.5, 97.5)  # percentiles of a 95 % interval

Array = NDArray[Any]


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

    scores: dict[str, Difference]  # the summary scores, by the names of `deeplab.catalog.SCORES`
    class_iou: dict[int, Difference]  # of the classes that occur in the ground truth
    n_images: int


@dataclass(frozen=True)
class _Counts:
    """Pixels of one evaluation by row and class, (N, C); a row is an image, a draw of images, or all of them."""

    hits: Array
    union: Array
    true: Array

    def class_iou(self) -> Array:
        """IoU by row and class, (N, C); NaN where the class does not occur in the ground truth."""
        return _ratio(self.hits, self.union, self.true > 0)

    def scores(self) -> dict[str, Array]:
        """The summary scores by row, (N,); NaN for a row without ground truth."""
        occurs, total = self.true > 0, self.true.sum(axis=1)
        iou, accuracy = self.class_iou(), _ratio(self.hits, self.true, occurs)
        n_classes = occurs.sum(axis=1)
        return {
            "mean_iou": _ratio(np.nansum(iou, axis=1), n_classes, n_classes > 0),
            "pixel_accuracy": _ratio(self.hits.sum(axis=1), total, total > 0),
            "mean_accuracy": _ratio(np.nansum(accuracy, axis=1), n_classes, n_classes > 0),
            "frequency_weighted_iou": _ratio(np.nansum(iou * self.true, axis=1), total, total > 0),
        }


def compare(first: Results, second: Results) -> Comparison | None:
    """Compare by a paired bootstrap over the images: each draw scores both evaluations on the same choice of images.

    Returns:
        None if the evaluations do not share their images and the ground truth of these, or have none.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile intervals).
    """
    pair = _read_both(first, second)
    if pair is None:
        return None
    before, after = (_sum(each) for each in pair)
    drawn_before, drawn_after = _draw(pair)
    differences = after.class_iou() - before.class_iou(), drawn_after.class_iou() - drawn_before.class_iou()
    drawn_scores = drawn_after.scores(), drawn_before.scores()
    return Comparison(
        scores={
            name: _difference(value - before.scores()[name], drawn_scores[0][name] - drawn_scores[1][name])
            for name, value in after.scores().items()
        },
        class_iou={
            int(index): _difference(differences[0][:, index], differences[1][:, index])
            for index in np.flatnonzero(before.true[0] > 0)
        },
        n_images=len(pair[0].hits),
    )


def _read_both(first: Results, second: Results) -> tuple[_Counts, _Counts] | None:
    rows = [results.counts_by_image() for results in (first, second)]
    keys = [np.unique(each["key"]) for each in rows]
    if not len(keys[0]) or not np.array_equal(keys[0], keys[1]):
        return None
    n_classes = 1 + int(max(each["class"].max() for each in rows))
    before, after = (_table(each, keys[0], n_classes) for each in rows)
    return (before, after) if np.array_equal(before.true, after.true) else None


def _table(rows: dict[str, Array], keys: Array, n_classes: int) -> _Counts:
    """Turn rows of (image, class) into tables, (N, C); a class that an image lacks has no pixels there."""
    at = np.searchsorted(keys, rows["key"]), rows["class"]
    tables = {name: np.zeros((len(keys), n_classes), np.float32) for name in ("hits", "union", "true")}
    for name, table in tables.items():
        table[at] = rows[name]
    return _Counts(**tables)


def _sum(counts: _Counts) -> _Counts:
    """Add up all rows, (1, C)."""
    return _Counts(*(each.sum(axis=0, keepdims=True, dtype=float) for each in (counts.hits, counts.union, counts.true)))


def _draw(pair: tuple[_Counts, _Counts]) -> tuple[_Counts, _Counts]:
    """Draw as many images as there are, with repeats, DRAWS times, and sum up both evaluations over it: (DRAWS, C)."""
    random = np.random.default_rng(_SEED)
    n_images, n_classes = pair[0].hits.shape
    true = np.zeros((DRAWS, n_classes))
    hits, union = np.zeros((2, DRAWS, n_classes)), np.zeros((2, DRAWS, n_classes))
    for images, times in _blocks(random, n_images):
        true += times @ pair[0].true[images]  # the same in both
        for place, each in enumerate(pair):
            hits[place] += times @ each.hits[images]
            union[place] += times @ each.union[images]
    return _Counts(hits[0], union[0], true), _Counts(hits[1], union[1], true)


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


def _ratio(part: Array, whole: Array, where: Array) -> Array:
    ratio: Array = np.divide(part, whole, out=np.full(part.shape, np.nan), where=where)
    return ratio


def _difference(value: Array, drawn: Array) -> Difference:
    """The difference, (1,), with the interval of those of the draws, (DRAWS,)."""
    low, high = np.nanpercentile(drawn, _WITHIN)
    return Difference(float(value[0]), float(low), float(high))
