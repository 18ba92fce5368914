"""Refine the saved logits of a whole split, many images at a time."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deeplab.bounded_map import bounded_map
from deeplab.config import Config
from deeplab.crf.build import build_crf
from deeplab.densecrf import DenseCRF
from deeplab.errors import DatasetError, DeepLabError
from deeplab.files import printable
from deeplab.images import write_mask
from deeplab.processes import n_cpus, start_pool_worker
from deeplab.reporter import Reporter, Stopped
from deeplab.resample import resize_planes
from deeplab.schema import Crf

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
        CrfError: if the backend of the CRF cannot be had.
        DeepLabError: if a process died.
        Stopped: if the reporter asked for it.
    """
    # Built here even if processes will do the work: what fails fails at once, and they find the compiled code on disk.
    crf = build_crf(config.CRF)
    # Imported here, because the pool's processes import this module and do not need PyTorch.
    from deeplab.datasets import build_dataset
    from deeplab.metrics import ConfusionMatrix

    dataset = build_dataset(config, split or config.DATASET.SPLIT.VAL, train=False)
    _require_logits(dataset.ids, logits_dir)
    matrix = ConfusionMatrix(config.DATASET.N_CLASSES)
    reporter.progress(0, len(dataset), "image")
    refined = _on_gpu if crf.backend == "torch" else _in_processes
    for done, (sample, labels) in enumerate(refined(config, crf, dataset, logits_dir, jobs or n_cpus()), start=1):
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

    crf: Crf
    image: NDArray[np.uint8]
    logits: Path
    n_classes: int


def _on_gpu(
    config: Config, crf: DenseCRF, dataset: "SplitDataset", logits_dir: Path, _jobs: int
) -> "Iterator[tuple[Sample, NDArray[np.uint8]]]":
    """One image after the other in this process, which owns the GPU."""
    for index in range(len(dataset)):
        sample = dataset[index]
        probs = _load_probs(logits_dir / f"{sample.id}.npy", config.DATASET.N_CLASSES, *sample.label.shape)
        yield sample, crf.labels(sample.image, probs).astype(np.uint8)


def _in_processes(
    config: Config, crf: DenseCRF, dataset: "SplitDataset", logits_dir: Path, jobs: int
) -> "Iterator[tuple[Sample, NDArray[np.uint8]]]":
    """An image for each process of a pool."""
    settings, n_classes = config.CRF.model_copy(update={"BACKEND": crf.backend}), config.DATASET.N_CLASSES
    in_work: deque[Sample] = deque()

    def tasks() -> Iterator[_Task]:
        for index in range(len(dataset)):
            in_work.append(dataset[index])
            yield _Task(settings, in_work[-1].image, logits_dir / f"{in_work[-1].id}.npy", n_classes)

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
    """Runs in a process of the pool, on one thread."""
    probs = _load_probs(task.logits, task.n_classes, *task.image.shape[:2])
    return _crf_of_process(task.crf).labels(task.image, probs).astype(np.uint8)


@lru_cache(maxsize=1)
def _crf_of_process(crf: Crf) -> DenseCRF:
    return build_crf(crf, n_threads=1)


def _load_probs(path: Path, n_classes: int, height: int, width: int) -> NDArray[np.float32]:
    """The softmax of an image's logits at the size of the image, (C, height, width) float32."""
    logits = resize_planes(_load_logits(path, n_classes), height, width)
    exponentials = np.exp(logits - logits.max(axis=0))
    probs: NDArray[np.float32] = exponentials / exponentials.sum(axis=0)
    return probs


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
