"""The engine for CPUs: numba kernels, several threads for one image or an image for each thread."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.cpu.beliefs import Beliefs
from deeplab.densecrf.cpu.meanfield import Workspace, infer
from deeplab.densecrf.cpu.team import Team
from deeplab.densecrf.cpu.workers import plan_workers
from deeplab.densecrf.parameters import CrfParameters

Answer = TypeVar("Answer")
Image = NDArray[np.uint8]
Probs = NDArray[np.float32]


class NumbaEngine:
    """Runs the CRF on `n_threads` threads. One object may be used from several threads at once."""

    def __init__(self, n_threads: int, *, exact: bool) -> None:
        self._n_threads = n_threads
        self._exact = exact
        self._workspaces: list[Workspace] = []  # idle ones; taking and giving back is atomic

    def marginals(self, parameters: CrfParameters, images: Sequence[Image], probs: Sequence[Probs]) -> list[Probs]:
        """Compute Q of each image, (C, H, W) float32."""
        return self._run(parameters, images, probs, Beliefs.to_probs)

    def labels(
        self, parameters: CrfParameters, images: Sequence[Image], probs: Sequence[Probs]
    ) -> list[NDArray[np.int32]]:
        """Find the most likely class of each pixel of each image, (H, W) int32."""
        return self._run(parameters, images, probs, Beliefs.to_labels)

    def images_at_once(self, n_pixels: int, n_classes: int) -> int:
        """Count an image for each core, as far as memory allows for."""
        plan = plan_workers(self._n_threads, n_pixels, n_classes, cores=self._n_threads, exact=self._exact)
        return plan.workers

    def _run(
        self,
        parameters: CrfParameters,
        images: Sequence[Image],
        probs: Sequence[Probs],
        read: Callable[[Beliefs], Answer],
    ) -> list[Answer]:
        """Infer the beliefs of each image, several at a time, and read an answer from each."""
        if not images:
            return []
        largest = max(probs, key=np.size)
        n_classes, height, width = largest.shape
        plan = plan_workers(len(images), height * width, n_classes, cores=self._n_threads, exact=self._exact)

        def answer(image: Image, p: Probs) -> Answer:
            with self._workspace() as workspace, Team(plan.threads) as team:
                return read(infer(image, p, parameters, team, workspace, exact=self._exact))

        if plan.workers == 1:
            return [answer(image, p) for image, p in zip(images, probs, strict=True)]
        with ThreadPoolExecutor(plan.workers) as pool:
            return list(pool.map(answer, images, probs))

    @contextlib.contextmanager
    def _workspace(self) -> Iterator[Workspace]:
        """Lend an idle workspace, or a new one."""
        try:
            workspace = self._workspaces.pop()
        except IndexError:
            workspace = Workspace()
        try:
            yield workspace
        finally:
            self._workspaces.append(workspace)
