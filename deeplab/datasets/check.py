"""Read a whole data set and say what is wrong with it, before a training run finds out. Torch-free."""

from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from deeplab.bounded_map import bounded_map
from deeplab.config import Config
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.pairs import Pair, SplitListing
from deeplab.errors import DatasetError, DeepLabError, ImageError
from deeplab.files import printable
from deeplab.images.files import read_image
from deeplab.processes import n_cpus, start_pool_worker
from deeplab.reporter import Reporter, Stopped


@dataclass(frozen=True)
class SizeMismatch:
    """A mask that is not of its image's size. Sizes are (height, width)."""

    image: str
    image_size: tuple[int, int]
    mask: str
    mask_size: tuple[int, int]


@dataclass(frozen=True)
class StrangeLabels:
    """A mask with values that are neither a class nor IGNORE_LABEL."""

    mask: str
    values: dict[int, int]  # pixels by value


@dataclass
class SplitReport:
    """What was found in a split."""

    split: str
    n_ids: int = 0  # images that the split names
    n_read: int = 0  # pairs of which image and mask could be read
    error: str = ""  # why the split could not be read at all
    skipped: str = ""  # why it was left out, if that is no error
    missing: list[str] = field(default_factory=list)  # files
    unreadable: list[str] = field(default_factory=list)  # one sentence each
    mismatches: list[SizeMismatch] = field(default_factory=list)
    strange: list[StrangeLabels] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)  # by class
    images: list[int] = field(default_factory=list)  # in which the class occurs, by class
    ignored: int = 0  # pixels with IGNORE_LABEL

    @property
    def n_problems(self) -> int:
        """How many files or pairs are wrong; a split that could not be read at all counts as one."""
        found = (self.missing, self.unreadable, self.mismatches, self.strange)
        return bool(self.error) + sum(len(each) for each in found)


@dataclass(frozen=True)
class DatasetReport:
    """What was found in a data set."""

    labels: list[str]  # names of the classes
    splits: list[SplitReport]

    @property
    def n_problems(self) -> int:
        """Over all splits."""
        return sum(split.n_problems for split in self.splits)


def check_dataset(
    config: Config, reporter: Reporter, *, splits: Sequence[str] = (), jobs: int | None = None
) -> DatasetReport:
    """Read every image and mask.

    Args:
        config: DATASET is read.
        reporter: hears of each pair.
        splits: their names; none: TRAIN, VAL, and TEST if it has labels.
        jobs: processes; None: one per CPU.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if the labels file is malformed or not of N_CLASSES classes.
        DeepLabError: if a process died.
        Stopped: if the reporter asked for it.
    """
    settings = config.DATASET
    labels = class_names_of(settings)
    found = _list_splits(config, splits)
    pairs = [pair for _, listing in found if listing is not None for pair in listing.pairs]
    with closing(_inspected(pairs, jobs or n_cpus())) as inspected:
        done = 0
        for report, listing in found:
            for pair in listing.pairs if listing is not None else ():
                _add(report, pair, next(inspected), settings.N_CLASSES, settings.IGNORE_LABEL)
                done += 1
                reporter.progress(done, len(pairs), "image")
                if reporter.should_stop():
                    raise Stopped
    return DatasetReport(labels, [report for report, _ in found])


def _list_splits(config: Config, wanted: Sequence[str]) -> list[tuple[SplitReport, SplitListing | None]]:
    names = config.DATASET.SPLIT
    optional = "" if wanted or names.TEST in (names.TRAIN, names.VAL) else names.TEST
    found: list[tuple[SplitReport, SplitListing | None]] = []
    for split in dict.fromkeys((*(wanted or (names.TRAIN, names.VAL)), *([optional] if optional else []))):
        report, listing = SplitReport(split), None
        try:
            listing = list_split(config.DATASET, split)
        except DatasetError as error:
            report.error = str(error)
        if split == optional and (listing is None or not listing.pairs):
            report.error, report.skipped = "", report.error or "It has no labels."
        elif listing is not None:
            report.n_ids = listing.n_ids
            report.missing = [printable(folder / name) for folder, names in listing.missing.items() for name in names]
            report.pixels, report.images = ([0] * config.DATASET.N_CLASSES for _ in range(2))
        found.append((report, None if report.skipped else listing))
    return found


@dataclass(frozen=True)
class _Seen:
    """What a process saw of a pair."""

    image_size: tuple[int, int] | None  # None: it could not be read
    mask_size: tuple[int, int] | None
    counts: NDArray[np.int64]  # pixels by value, (256,)
    errors: tuple[str, ...]


def _inspected(pairs: Sequence[Pair], jobs: int) -> Generator[_Seen, None, None]:
    jobs = min(jobs, len(pairs))
    if jobs <= 1:
        yield from map(_inspect, pairs)
        return
    # Spawned, because forking a process that runs threads can hang.
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=start_pool_worker) as pool:
        try:
            yield from bounded_map(pool, _inspect, pairs, depth=4 * jobs)
        except BrokenProcessPool as error:
            raise DeepLabError(
                f"A process that reads images died, perhaps for lack of memory; run fewer than {jobs} at a time."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _inspect(pair: Pair) -> _Seen:
    """Runs in a process of the pool."""
    image_size = mask_size = None
    counts = np.zeros(256, np.int64)
    errors = []
    try:
        height, width, _ = read_image(pair.image).shape
        image_size = height, width
    except ImageError as error:
        errors.append(str(error))
    try:
        label = pair.ground_truth.read()
        mask_size = label.shape[0], label.shape[1]
        counts = np.bincount(label.ravel(), minlength=256)
    except (ImageError, DatasetError) as error:
        errors.append(str(error))
    return _Seen(image_size, mask_size, counts, tuple(errors))


def _add(report: SplitReport, pair: Pair, seen: _Seen, n_classes: int, ignore_label: int) -> None:
    report.unreadable.extend(seen.errors)
    report.n_read += not seen.errors
    mask = printable(pair.ground_truth.path)
    if seen.image_size and seen.mask_size and seen.image_size != seen.mask_size:
        report.mismatches.append(SizeMismatch(printable(pair.image), seen.image_size, mask, seen.mask_size))
    values = {int(value): int(seen.counts[value]) for value in np.flatnonzero(seen.counts)}
    report.ignored += values.pop(ignore_label, 0)
    strange = {value: n_pixels for value, n_pixels in values.items() if value >= n_classes}
    if strange:
        report.strange.append(StrangeLabels(mask, strange))
    for value in values.keys() - strange.keys():
        report.pixels[value] += values[value]
        report.images[value] += 1
