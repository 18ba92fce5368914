"""Read a whole dataset and report what is wrong with it, before a training run finds out. Torch-free."""

from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from deeplab.bounded_map import bounded_map
from deeplab.config import Config
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.pairs import Pair
from deeplab.datasets.report import DatasetReport, SizeMismatch, SplitReport, UnknownValues
from deeplab.errors import DatasetError, DeepLabError, ImageError
from deeplab.files import printable
from deeplab.images.files import read_image
from deeplab.processes import n_cpus, start_pool_worker
from deeplab.reporter import Reporter, Stopped
from deeplab.schema import Dataset


def check_dataset(
    config: Config, reporter: Reporter, *, splits: Sequence[str] = (), n_workers: int | None = None
) -> DatasetReport:
    """Read every image and mask.

    Args:
        config: DATASET is read.
        reporter: hears of each pair.
        splits: their names; none: TRAIN, VAL, and TEST if it has labels.
        n_workers: processes that read; None: one per CPU.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if the labels file is malformed or does not name N_CLASSES classes.
        DeepLabError: if a process died.
        Stopped: if the reporter asked for it.
    """
    class_names = class_names_of(config.DATASET)
    listed = _list_splits(config.DATASET, splits)
    work = [(report, pair) for report, pairs in listed for pair in pairs]
    with closing(_inspect_all([pair for _, pair in work], n_workers or n_cpus())) as inspections:
        for n_done, ((report, pair), inspection) in enumerate(zip(work, inspections, strict=True), start=1):
            _add(report, pair, inspection, config.DATASET)
            reporter.progress(n_done, len(work), "image")
            if reporter.should_stop():
                raise Stopped
    return DatasetReport(class_names, [report for report, _ in listed])


def _list_splits(settings: Dataset, wanted: Sequence[str]) -> list[tuple[SplitReport, list[Pair]]]:
    """List the pairs of each split to check: of those wanted, or of TRAIN, VAL, and TEST if it has labels."""
    names = settings.SPLIT
    required = dict.fromkeys(wanted or (names.TRAIN, names.VAL))
    listed = [_list_required(settings, split) for split in required]
    if not wanted and names.TEST not in required:
        listed.append(_list_optional(settings, names.TEST))
    return listed


def _list_required(settings: Dataset, split: str) -> tuple[SplitReport, list[Pair]]:
    try:
        listing = list_split(settings, split)
    except DatasetError as error:
        return SplitReport(split, error=str(error)), []
    report = SplitReport(
        split,
        n_ids=listing.n_ids,
        missing=[printable(folder / name) for folder, files in listing.missing.items() for name in files],
        pixels=[0] * settings.N_CLASSES,
        images=[0] * settings.N_CLASSES,
    )
    return report, listing.pairs


def _list_optional(settings: Dataset, split: str) -> tuple[SplitReport, list[Pair]]:
    report, pairs = _list_required(settings, split)
    if report.error or not pairs:
        return SplitReport(split, skipped=report.error or "It has no labels."), []
    return report, pairs


@dataclass(frozen=True)
class _Inspection:
    """What a process found in a pair."""

    image_size: tuple[int, int] | None  # (height, width); None: it could not be read
    mask_size: tuple[int, int] | None
    counts: NDArray[np.int64]  # (256,) pixels by value of the mask
    errors: tuple[str, ...]


def _inspect_all(pairs: Sequence[Pair], n_workers: int) -> Generator[_Inspection, None, None]:
    n_workers = min(n_workers, len(pairs))
    if n_workers <= 1:
        yield from map(_inspect, pairs)
        return
    # Spawned, because forking a process that runs threads can hang.
    with ProcessPoolExecutor(n_workers, get_context("spawn"), initializer=start_pool_worker) as pool:
        try:
            yield from bounded_map(pool, _inspect, pairs, depth=4 * n_workers)
        except BrokenProcessPool as error:
            raise DeepLabError(
                f"A process that reads images died, perhaps for lack of memory; run fewer than {n_workers} at a time."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _inspect(pair: Pair) -> _Inspection:
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
        label_map = pair.ground_truth.read()
        mask_size = label_map.shape[0], label_map.shape[1]
        counts = np.bincount(label_map.ravel(), minlength=256)
    except (ImageError, DatasetError) as error:
        errors.append(str(error))
    return _Inspection(image_size, mask_size, counts, tuple(errors))


def _add(report: SplitReport, pair: Pair, inspection: _Inspection, settings: Dataset) -> None:
    report.unreadable.extend(inspection.errors)
    report.n_read += not inspection.errors
    image_size, mask_size = inspection.image_size, inspection.mask_size
    mask = printable(pair.ground_truth.path)
    if image_size and mask_size and image_size != mask_size:
        report.mismatches.append(SizeMismatch(printable(pair.image), image_size, mask, mask_size))
    values = {int(value): int(inspection.counts[value]) for value in np.flatnonzero(inspection.counts)}
    report.ignored += values.pop(settings.IGNORE_LABEL, 0)
    unknown = {value: n_pixels for value, n_pixels in values.items() if value >= settings.N_CLASSES}
    if unknown:
        report.unknown_values.append(UnknownValues(mask, unknown))
    for value in values.keys() - unknown.keys():
        report.pixels[value] += values[value]
        report.images[value] += 1
