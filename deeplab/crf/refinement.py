"""Refine the saved logits of a whole split, many images at a time."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deeplab.bounded_map import bounded_map
from deeplab.config import Config
from deeplab.crf.dense import DenseCRF, require_engine
from deeplab.errors import DatasetError, DeepLabError
from deeplab.files import printable
from deeplab.images import write_mask
from deeplab.processes import start_pool_worker
from deeplab.reporter import Reporter, Stopped
from deeplab.resample import resize_planes

if TYPE_CHECKING:
    from deeplab.datasets import Sample, SplitDataset
    from deeplab.metrics import Scores

_NAMED = 10  # so many missing files does an error spell out


def refine(
    config: Config,
    logits_dir: Path,
    reporter: Reporter,
    *,
    split: str | None = None,
    jobs: int | None = None,
    masks_dir: Path | None = None,
) -> "Scores":
    """Refine the logits that `evaluate` saved, and score the result.

    Args:
        config: DATASET and CRF are read.
        logits_dir: one `<id>.npy` per image, (C, h, w) of any float type.
        reporter: hears of each image.
        split: name of the split list; None: DATASET.SPLIT.VAL.
        jobs: processes; None: one per CPU.
        masks_dir: where to write the refined label maps as `<id>.png`; None: nowhere.

    Raises:
        DatasetError: if an image, its mask or its logits are missing or damaged.
        DeepLabError: if pydensecrf is not installed, or a process died.
        Stopped: if the reporter asked for it.
    """
    require_engine()
    # Imported here, because the pool's processes import this module and do not need PyTorch.
    from deeplab.datasets import build_dataset
    from deeplab.metrics import ConfusionMatrix

    dataset = build_dataset(config, split or config.DATASET.SPLIT.VAL, train=False)
    _require_logits(dataset.ids, logits_dir)
    matrix = ConfusionMatrix(config.DATASET.N_CLASSES)
    reporter.progress(0, len(dataset), "image")
    for done, (sample, labels) in enumerate(_refined(config, dataset, logits_dir, jobs or _n_cpus()), start=1):
        matrix.update(sample.label, labels)
        if masks_dir is not None:
            write_mask(masks_dir / f"{sample.id}.png", labels)
        reporter.progress(done, len(dataset), "image")
        if done < len(dataset) and reporter.should_stop():
            raise Stopped(f"Stopped after {done} of {len(dataset)} images.")
    return matrix.scores()


@dataclass(frozen=True)
class _Task:
    """What one process needs for one image. It reads the logits, which are large, itself."""

    crf: DenseCRF
    image: NDArray[np.uint8]
    logits: Path
    n_classes: int


def _refined(
    config: Config, dataset: "SplitDataset", logits_dir: Path, jobs: int
) -> "Iterator[tuple[Sample, NDArray[np.uint8]]]":
    crf, n_classes = DenseCRF.from_config(config.CRF), config.DATASET.N_CLASSES
    in_work: deque[Sample] = deque()

    def tasks() -> Iterator[_Task]:
        for index in range(len(dataset)):
            in_work.append(dataset[index])
            yield _Task(crf, in_work[-1].image, logits_dir / f"{in_work[-1].id}.npy", n_classes)

    jobs = min(jobs, len(dataset))
    # Spawned, because forking a process that runs threads (as PyTorch's does) can hang.
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=start_pool_worker) as pool:
        try:
            for labels in bounded_map(pool, _refine_one, tasks(), depth=2 * jobs):
                yield in_work.popleft(), labels
        except BrokenProcessPool as error:
            raise DeepLabError(
                f"A CRF process died, probably for lack of memory; run fewer than {jobs} at a time."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _refine_one(task: _Task) -> NDArray[np.uint8]:
    """Runs in a process of the pool, on one thread: numpy's arithmetic and pydensecrf use no more."""
    height, width = task.image.shape[:2]
    logits = resize_planes(_load_logits(task.logits, task.n_classes), height, width)
    exponentials = np.exp(logits - logits.max(axis=0))
    probs = task.crf(task.image, exponentials / exponentials.sum(axis=0))
    labels: NDArray[np.uint8] = probs.argmax(axis=0).astype(np.uint8)
    return labels


def _load_logits(path: Path, n_classes: int) -> NDArray[np.float32]:
    try:
        logits = np.load(path, allow_pickle=False)
    except Exception as error:  # on a damaged file numpy raises nearly anything
        raise DatasetError(f"{printable(path)}: the logits cannot be read: {error}.") from error
    if logits.ndim != 3 or len(logits) != n_classes:
        raise DatasetError(f"{printable(path)}: expected logits of {n_classes} classes, got shape {logits.shape}.")
    return np.asarray(logits, np.float32)


def _require_logits(ids: list[str], logits_dir: Path) -> None:
    missing = [each for each in ids if not (logits_dir / f"{each}.npy").is_file()]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise DatasetError(
            f"{printable(logits_dir)}: the logits of {len(missing)} of {len(ids)} images are missing"
            f" ({', '.join(missing[:_NAMED])}{more}); evaluate the split and save its logits first."
        )


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
