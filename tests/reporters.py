"""Reporters that remember what they hear, and ask loops to stop."""

from collections.abc import Mapping
from pathlib import Path

from deeplab.reporter import SilentReporter


class Recorder(SilentReporter):
    """Keeps what it hears.

    Args:
        stop_after: how often it hears of progress before it asks to stop. Some loops tell first that 0 are done.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.progressed: list[tuple[int, int, str]] = []  # done, total and unit
        self.measured: dict[int, dict[str, float]] = {}  # by iteration
        self.checkpoints: list[tuple[str, int]] = []  # file name and iteration
        self.best: list[str] = []  # file names of those that were the best when they were saved

    def progress(self, done: int, total: int, unit: str) -> None:
        self.progressed.append((done, total, unit))

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        self.measured.setdefault(iteration, {}).update(values)

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        assert path.is_file()
        self.checkpoints.append((path.name, iteration))
        if is_best:
            self.best.append(path.name)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.progressed) >= self.stop_after
