"""Compute label maps of many images under one or several CRFs, on all cores or on the GPU."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deeplab.bounded_map import bounded_map
from deeplab.config import Config
from deeplab.crf.build import build_crf, build_variants, view_of
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import SplitDataset
from deeplab.densecrf import DenseCRF, plan_workers
from deeplab.logits import load_probs
from deeplab.processes import n_cpus
from deeplab.schema import Crf
from deeplab.scores.certainty import CertaintyCount, label_probs


@dataclass(frozen=True)
class Refined:
    """One image under one CRF."""

    sample: Sample
    number: int  # which CRF, from 0 on
    labels: NDArray[np.uint8]  # (H, W)
    seconds: float  # of work on it, its reading included
    certainty: CertaintyCount | None = None  # of Q, if that was asked for


@dataclass(frozen=True)
class _Loaded:
    """An image with its probs, which are read once for all CRFs."""

    sample: Sample
    image: NDArray[np.uint8]  # (H, W, 3) BGR
    probs: NDArray[np.float32]  # (C, H, W)
    seconds: float  # that reading took


class Labeller:
    """Refines the saved logits of a split.

    Args:
        config: DATASET and CRF are read.
        dataset: the split.
        logits_dir: one `<id>.npy` per image, (C, h, w) of any float type.
        jobs: images at a time on the CPU; None: as many as cores and memory allow.
        device: as for `build_crf`.
        certainty: also count how certain Q is, which takes time and the memory of Q.
        keeps_map: and keep the top probability of each pixel.

    Raises:
        CrfError: if the backend of the CRF is not available.
    """

    def __init__(
        self,
        config: Config,
        dataset: SplitDataset,
        logits_dir: Path,
        *,
        jobs: int | None,
        device: str,
        certainty: bool = False,
        keeps_map: bool = False,
    ) -> None:
        self._config = config
        self._view = view_of(config)
        self._dataset = dataset
        self._logits_dir = logits_dir
        self._jobs = jobs
        self._device = device
        self._certainty = certainty or keeps_map
        self._keeps_map = keeps_map
        build_crf(config.CRF, device=device)  # so that it fails before anything is read

    def refine(self, indices: Sequence[int], sections: Sequence[Crf]) -> Iterator[Refined]:
        """Refine images under each CRF: all results of the first image, then those of the second, and so on.

        Args:
            indices: of the images in the split.
            sections: the parameters of each CRF; BACKEND and EXACT are those of the configuration.

        Raises:
            DatasetError, ImageError: if an image, its mask or its logits are missing or damaged.
            CrfError: if logits are not finite, or memory is short.
        """
        if not indices:
            return
        jobs, n_threads = self._plan(indices, len(sections))
        base = build_crf(self._config.CRF, device=self._device, n_threads=n_threads)
        variants = build_variants(base, sections)

        def refine_one(task: tuple[Future[_Loaded], int]) -> Refined:
            loaded, number = task[0].result(), task[1]
            start = time.monotonic()
            labels, certainty = self._label(variants[number], loaded)
            return Refined(loaded.sample, number, labels, loaded.seconds + time.monotonic() - start, certainty)

        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(jobs))
            # A GPU refines one image after the other while the threads of the pool read the next ones.
            refiners = stack.enter_context(ThreadPoolExecutor(1)) if base.backend == "torch" else pool
            yield from bounded_map(refiners, refine_one, self._tasks(pool, indices, len(variants)), depth=2 * jobs)

    def _label(self, crf: DenseCRF, loaded: _Loaded) -> tuple[NDArray[np.uint8], CertaintyCount | None]:
        if not self._certainty:
            return crf.labels(loaded.image, loaded.probs).astype(np.uint8), None
        q = torch.from_numpy(crf(loaded.image, loaded.probs))
        certainty = CertaintyCount(len(q), torch.from_numpy(loaded.sample.label_map), keeps_map=self._keeps_map)
        return label_probs(q, certainty).numpy(), certainty

    def _tasks(self, pool: Executor, indices: Sequence[int], n: int) -> Iterator[tuple[Future[_Loaded], int]]:
        """Yield each image with the number of each CRF. An image is read while the one before it is refined.

        The pool starts tasks in the order of their submission, so none waits for an image that is not being read.
        """
        reads = (pool.submit(self._load, index) for index in indices)
        loaded = next(reads)
        for following in reads:
            yield from ((loaded, number) for number in range(n))
            loaded = following
        yield from ((loaded, number) for number in range(n))

    def _load(self, index: int) -> _Loaded:
        start = time.monotonic()
        sample = self._dataset[index]
        path = self._logits_dir / f"{sample.id}.npy"
        probs = load_probs(path, self._config.DATASET.N_CLASSES, *sample.label_map.shape)
        # A warped image has fractions of grey levels, which the original keeps until the mean is subtracted.
        image = sample.byte_image if self._config.CRF.IMAGE == "image" else sample.image
        return _Loaded(sample, self._view(image), probs, time.monotonic() - start)

    def _plan(self, indices: Sequence[int], n_sections: int) -> tuple[int, int]:
        """Plan how many images to refine at a time, and with how many threads each, by the size of the first image."""
        n_pixels = self._dataset[indices[0]].label_map.size
        plan = plan_workers(
            len(indices) * n_sections,
            n_pixels,
            self._config.DATASET.N_CLASSES,
            cores=self._jobs or n_cpus(),
            exact=self._config.CRF.EXACT,
        )
        return plan.workers, plan.threads
