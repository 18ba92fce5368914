"""How a long loop reports its progress, and learns that it should stop. Torch-free."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from deeplab.files import delete_file

VALIDATION_IMAGE = "validation image"  # unit of progress of a validation during training


class Stopped(Exception):  # noqa: N818 -- not an error: the loop ended because it was asked to
    """A loop ended because `should_stop` returned true, after saving what it could."""


class Reporter(Protocol):
    """What a loop calls, always in its own thread. The calls must be cheap."""

    def progress(self, done: int, total: int, unit: str) -> None:
        """Hear that `done` of `total` are finished; a total of 0 is unknown.

        `unit` is "iteration", "image", "frame", "refinement", "mask" before the first iteration, or VALIDATION_IMAGE
        between iterations.
        """

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Hear measured values by name: "loss", "lr/group0", "gpu_memory_mib", "mean_iou", "frames_per_second"."""

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        """Hear that the checkpoint at `path` is complete and flushed to disk; `is_best`: as yet the run's best."""

    def discard(self, path: Path, iteration: int) -> None:
        """Delete the checkpoint at `path`, which the run no longer needs, unless something else needs it."""

    def should_stop(self) -> bool:
        """Whether the loop should save what it has and raise `Stopped`."""
        ...


class SilentReporter:
    """Reports to nobody and never stops."""

    def progress(self, done: int, total: int, unit: str) -> None:
        """Ignore it."""

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Ignore it."""

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        """Ignore it."""

    def discard(self, path: Path, iteration: int) -> None:
        """Delete it."""
        delete_file(path)

    def should_stop(self) -> bool:
        """Never."""
        return False
