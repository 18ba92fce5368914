"""A quick look at some images of each split and their masks, before a dataset is used. Torch-free."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from deeplab.config import Config
from deeplab.datasets.checking.inspection import Inspection, inspect_pair
from deeplab.datasets.checking.judge import judge_values
from deeplab.datasets.checking.report import SizeMismatch
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.pairs import Pair, SplitListing
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import list_briefly, plural
from deeplab.images.bands import Reading
from deeplab.schema import Dataset

N_SAMPLES = 10


@dataclass(frozen=True)
class Sampled:
    """An image that was looked at together with its mask."""

    pair: Pair
    size: tuple[int, int] | None  # (height, width); None: the image could not be read
    pixels: Mapping[int, int]  # of the mask, by value, those to ignore included
    unknown: Sequence[int]  # values that are neither a class nor to be ignored
    problems: Sequence[str]  # a sentence each


@dataclass(frozen=True)
class SplitSamples:
    """What was seen of a split."""

    split: str
    n_ids: int = 0  # images that it lists
    n_unlabelled: int = 0  # of which only the image is there
    samples: Sequence[Sampled] = ()
    problems: Sequence[str] = ()  # of the split as a whole: it cannot be listed, files are missing
    doubts: Sequence[str] = ()  # what looks wrong but may be meant so

    @property
    def wrong(self) -> list[Sampled]:
        """The samples that have problems."""
        return [each for each in self.samples if each.problems]


@dataclass(frozen=True)
class Verdict:
    """Whether a dataset can be used, as far as a quick look tells."""

    faults: list[str] = field(default_factory=list)  # why not
    doubts: list[str] = field(default_factory=list)  # what else was found


def look_at_split(config: Config, split: str, *, most: int = N_SAMPLES, seconds: float = math.inf) -> SplitSamples:
    """Read some pairs, spread over a split, and say what is wrong with each.

    Args:
        config: DATASET and IMAGE are read.
        split: its name.
        most: how many pairs to read.
        seconds: when to stop reading; one is read in any case.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
    """
    try:
        listing = list_split(config.DATASET, split)
    except DatasetError as error:
        return SplitSamples(split, problems=[str(error)])
    return look_at_listing(config, listing, most=most, seconds=seconds)


def look_at_listing(
    config: Config, listing: SplitListing, *, most: int = N_SAMPLES, seconds: float = math.inf
) -> SplitSamples:
    """Like `look_at_split`, of a split that has been listed."""
    settings, split = config.DATASET, listing.split
    reading, deadline = Reading.of(config.IMAGE), time.monotonic() + seconds
    samples = []
    for pair in spread(listing.pairs, most):
        samples.append(_sampled(pair, inspect_pair(reading, pair), settings))
        if time.monotonic() >= deadline:
            break
    return SplitSamples(
        split,
        listing.n_ids,
        len(listing.unlabelled),
        samples,
        _missing(listing),
        _doubts(samples, settings, f"the {plural(len(samples), 'mask')} of {split} that were looked at"),
    )


def judge_quickly(config: Config, listings: Sequence[SplitListing], *, most: int = 20, seconds: float = 5.0) -> Verdict:
    """Look at some pairs of each split, and say whether the dataset can be used.

    It cannot if no split has an image with a mask, a mask holds values that are no classes, or nothing that was looked
    at is right. Other problems are doubts.

    Args:
        config: DATASET and IMAGE are read.
        listings: of the splits.
        most: pairs to read of each.
        seconds: when to stop reading, for all splits together.
    """
    deadline = time.monotonic() + seconds
    seen = [
        look_at_listing(config, each, most=most, seconds=max(0.0, deadline - time.monotonic())) for each in listings
    ]
    samples = [sample for each in seen for sample in each.samples]
    if not samples:
        return Verdict([_without_masks(seen)])
    strange = [sample for sample in samples if sample.unknown]
    if strange:
        return Verdict([_too_few_classes(strange, config.DATASET)])
    if all(sample.problems for sample in samples):
        number = "the image" if len(samples) == 1 else f"all {len(samples)} images"
        return Verdict([f"Something is wrong with {number} looked at: {samples[0].problems[0]}"])
    return Verdict([], [sentence for each in seen for sentence in _findings(each)])


def spread(pairs: Sequence[Pair], most: int) -> Sequence[Pair]:
    """At most so many pairs, spread evenly over all of them, the first among them."""
    return pairs[:: max(1, math.ceil(len(pairs) / most))]


def _sampled(pair: Pair, found: Inspection, settings: Dataset) -> Sampled:
    pixels = {int(value): int(found.counts[value]) for value in np.flatnonzero(found.counts)}
    unknown = [value for value in pixels if value >= settings.N_CLASSES and value != settings.IGNORE_LABEL]
    image, mask = printable(pair.image), printable(pair.ground_truth.path)
    problems = list(found.errors)
    if found.image_size and found.mask_size and found.image_size != found.mask_size:
        sizes = SizeMismatch(image, found.image_size, mask, found.mask_size, found.stored_size)
        problems.append(f"{sizes.describe()}.")
    if unknown:
        problems.append(
            f"{mask} holds {_values(unknown)}; expected classes 0 to {settings.N_CLASSES - 1} or"
            f" {settings.IGNORE_LABEL}."
        )
    return Sampled(pair, found.image_size, pixels, unknown, problems)


def _values(values: Sequence[int]) -> str:
    return f"the value{'s' if len(values) > 1 else ''} {list_briefly([str(value) for value in values])}"


def _doubts(samples: Sequence[Sampled], settings: Dataset, where: str) -> list[str]:
    values = {value for sample in samples for value in sample.pixels}
    return [warning.sentence for warning in judge_values(values, settings, where)] if values else []


def _missing(listing: SplitListing) -> list[str]:
    if listing.problem:
        return [listing.problem]
    return [f"{listing.describe_missing(*each, limit=3)}." for each in listing.missing.items()]


def _without_masks(seen: Sequence[SplitSamples]) -> str:
    problem = next((each.problems[0] for each in seen if each.problems), "")
    return f"No image has a mask. {problem}".rstrip()


def _too_few_classes(strange: Sequence[Sampled], settings: Dataset) -> str:
    named = f"; {printable(settings.LABELS)} names {settings.N_CLASSES} classes" if settings.LABELS else ""
    return f"{strange[0].problems[-1].rstrip('.')}{named}."


def _findings(seen: SplitSamples) -> list[str]:
    """What is wrong with a split that can be used all the same; that a whole split has no masks is not."""
    missing = [] if seen.n_ids == seen.n_unlabelled else list(seen.problems)
    share = f"{len(seen.wrong)} of {len(seen.samples)} images of {seen.split} looked at"
    first = [f"{share}: {sample.problems[0]}" for sample in seen.wrong[:1]]
    return [*missing, *first, *seen.doubts]
