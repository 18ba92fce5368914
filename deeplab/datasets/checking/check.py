"""Read a whole dataset and report what is wrong with it, before a training run finds out. Torch-free."""

import math
import os
import random
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from deeplab.bounded_map import bounded_map
from deeplab.config import Config
from deeplab.confinement import readable_folders
from deeplab.datasets.checking.inspection import Inspection, inspect_pair
from deeplab.datasets.checking.judge import Evidence, judge_dataset, judge_split
from deeplab.datasets.checking.report import DatasetReport, SizeMismatch, SplitReport, UnknownValues
from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.pairs import Pair
from deeplab.errors import DatasetError, DeepLabError
from deeplab.files import printable
from deeplab.images.bands import Reading
from deeplab.mirrors import mounted
from deeplab.processes import n_cpus, start_pool_worker
from deeplab.reporter import Reporter, Stopped
from deeplab.schema import Dataset


def check_dataset(
    config: Config,
    reporter: Reporter,
    *,
    splits: Sequence[str] = (),
    n_workers: int | None = None,
    seconds: float | None = None,
) -> DatasetReport:
    """Read every image and mask, and judge what they hold.

    Args:
        config: DATASET and IMAGE are read.
        reporter: hears of each pair.
        splits: their names; none: TRAIN, VAL, and TEST if it has labels.
        n_workers: processes that read; None: one per CPU.
        seconds: look at pairs in random order, and only for so long; None: at all, in order.

    Raises:
        ConfigError: if DATASET.ROOT is empty.
        DatasetError: if the labels file is malformed or does not name N_CLASSES classes.
        DeepLabError: if a process died.
        Stopped: if the reporter asked for it.
    """
    class_names = class_names_of(config.DATASET)
    listed = _list_splits(config.DATASET, splits)
    work = [(split, pair) for split in listed for pair in split.pairs]
    if seconds is not None:
        random.Random(0).shuffle(work)  # noqa: S311 -- a sample, not a secret
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    n_done = 0
    reading = Reading.of(config.IMAGE)
    with closing(_inspect_all([pair for _, pair in work], reading, n_workers or n_cpus())) as inspections:
        for (split, pair), inspection in zip(work, inspections, strict=True):
            _add(split, pair, inspection, config.DATASET)
            n_done += 1
            reporter.progress(n_done, len(work), "image")
            if reporter.should_stop():
                raise Stopped
            if time.monotonic() >= deadline:
                break
    for split, _ in work[n_done:]:
        split.report.n_left += 1
    return _judge(listed, config.DATASET, class_names)


@dataclass
class _Split:
    """A split on its way through the check."""

    report: SplitReport
    pairs: list[Pair] = field(default_factory=list)
    passed_over: Mapping[Path, Mapping[str, int]] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


def _judge(listed: Sequence[_Split], settings: Dataset, class_names: list[str]) -> DatasetReport:
    for split in listed:
        split.report.warnings += judge_split(split.report, split.evidence, settings, class_names)
    return DatasetReport(
        class_names,
        [split.report for split in listed],
        judge_dataset([(split.report, split.evidence) for split in listed], settings, class_names),
        {printable(folder): dict(kinds) for split in listed for folder, kinds in split.passed_over.items() if kinds},
    )


def _list_splits(settings: Dataset, wanted: Sequence[str]) -> list[_Split]:
    """List the pairs of each split to check: of those wanted, or of TRAIN, VAL, and TEST if it has labels."""
    names = settings.SPLIT
    required = dict.fromkeys(wanted or (names.TRAIN, names.VAL))
    listed = [_list_required(settings, split) for split in required]
    if not wanted and names.TEST not in required:
        listed.append(_list_optional(settings, names.TEST))
    return listed


def _list_required(settings: Dataset, split: str) -> _Split:
    try:
        listing = list_split(settings, split)
    except DatasetError as error:
        return _Split(SplitReport(split, error=str(error)))
    if listing.problem:
        return _Split(SplitReport(split, error=listing.problem))
    report = SplitReport(
        split,
        n_ids=listing.n_ids,
        missing=[printable(folder / name) for folder, files in listing.missing.items() for name in files],
        pixels=[0] * settings.N_CLASSES,
        images=[0] * settings.N_CLASSES,
    )
    return _Split(report, listing.pairs, listing.passed_over)


def _list_optional(settings: Dataset, split: str) -> _Split:
    listed = _list_required(settings, split)
    if listed.report.error or not listed.pairs:
        return _Split(SplitReport(split, skipped=listed.report.error or "It has no labels."))
    return listed


def _inspect_all(pairs: Sequence[Pair], reading: Reading, n_workers: int) -> Generator[Inspection, None, None]:
    n_workers = min(n_workers, len(pairs))
    inspect = partial(inspect_pair, reading)
    if n_workers <= 1:
        yield from map(inspect, pairs)
        return
    # Spawned, because forking a process that runs threads can hang.
    start = partial(start_pool_worker, readable=readable_folders(), parent_pid=os.getpid(), mirrors=mounted())
    with ProcessPoolExecutor(n_workers, get_context("spawn"), initializer=start) as pool:
        try:
            yield from bounded_map(pool, inspect, pairs, depth=4 * n_workers)
        except BrokenProcessPool as error:
            raise DeepLabError(
                f"A process that reads images died, perhaps for lack of memory; run fewer than {n_workers} at a time."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _add(split: _Split, pair: Pair, inspection: Inspection, settings: Dataset) -> None:
    report = split.report
    report.unreadable.extend(inspection.errors)
    report.n_read += not inspection.errors
    image_size, mask_size = inspection.image_size, inspection.mask_size
    mask = printable(pair.ground_truth.path)
    if image_size and mask_size and image_size != mask_size:
        image = printable(pair.image)
        report.mismatches.append(SizeMismatch(image, image_size, mask, mask_size, inspection.stored_size))
    values = {int(value): int(inspection.counts[value]) for value in np.flatnonzero(inspection.counts)}
    ignored = values.pop(settings.IGNORE_LABEL, 0)
    report.ignored += ignored
    unknown = {value: n_pixels for value, n_pixels in values.items() if value >= settings.N_CLASSES}
    if unknown:
        report.unknown_values.append(UnknownValues(mask, unknown))
    for value in values.keys() - unknown.keys():
        report.pixels[value] += values[value]
        report.images[value] += 1
    if not inspection.errors:
        _add_evidence(split.evidence, pair, inspection, settings, is_ignored=bool(ignored) and not values)


def _add_evidence(
    evidence: Evidence, pair: Pair, inspection: Inspection, settings: Dataset, *, is_ignored: bool
) -> None:
    evidence.ids_by_content[inspection.content].append(printable(pair.id))
    mask = printable(pair.ground_truth.path)
    fits_either_way = inspection.mask_size == inspection.image_size == inspection.stored_size
    for applies, names, name in (
        (is_ignored, evidence.ignored_masks, mask),
        (inspection.is_turned, evidence.turned_masks, mask),
        (fits_either_way, evidence.ambiguous, printable(pair.image)),
        (inspection.has_left_out, evidence.left_out, printable(pair.id)),
    ):
        if applies:
            names.append(name)
    for value, colour in inspection.palette.items():
        if value < settings.N_CLASSES:
            evidence.colours[value].setdefault(colour, mask)
