"""How a long loop of the core tells its surroundings what it does, and hears that it shall stop. Torch-free."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from deeplab.files import delete_file

VALIDATION_IMAGE = "validation image"  # unit of the progress of an evaluation within a training


class Stopped(Exception):  # noqa: N818 -- not an error: the loop ended because it was asked to
    """A loop ended because `should_stop()` said so, after saving what it could."""


class Reporter(Protocol):
    """The calls that a loop makes. All are made from the loop's own thread and must be cheap."""

    def progress(self, done: int, total: int, unit: str) -> None:
        """`done` of `total`, 0 if nobody knows, are finished.

        `unit` is "iteration", "image" or "frame", or VALIDATION_IMAGE in between iterations.
        """

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Measured values by name: "loss", "lr/group0", "gpu_memory_mib", "mean_iou", "frames_per_second"."""

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        """The checkpoint at `path` is complete and flushed to disk; `is_best`: no earlier one of the run is better."""

    def discard(self, path: Path, iteration: int) -> None:
        """The run needs the checkpoint at `path` no more: delete it, unless somebody else needs it."""

    def should_stop(self) -> bool:
        """Whether the loop shall save what it has and raise `Stopped`."""
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
