"""Progress as a person sees it: a bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

_LINE_SHARE = 0.1  # print a line whenever this share of the work is done ...
_LINE_SECONDS = 30.0  # ... or so much time has passed


class ProgressView(Protocol):
    """Where progress appears. `details` stand beside the counts: "loss 1.235"."""

    def open(self) -> None:
        """Begin."""

    def show(self, done: int, total: int, unit: str, details: str) -> None:
        """Show how far the work is; a total of 0 is unknown."""

    def say(self, sentence: str) -> None:
        """Show a sentence on a line of its own."""

    def close(self) -> None:
        """Leave the stream ready for other text."""


def choose_view(stream: TextIO, clock: Callable[[], float], *, silent: bool) -> ProgressView:
    """Choose a bar if the stream is a terminal, else lines, whose estimates need a clock in seconds; or nothing."""
    if silent:
        return _Silence()
    return _Bar(stream) if stream.isatty() else _Lines(stream, clock)


class _Silence:
    """Shows nothing."""

    def open(self) -> None: ...
    def show(self, done: int, total: int, unit: str, details: str) -> None: ...
    def say(self, sentence: str) -> None: ...
    def close(self) -> None: ...


class _Bar:
    """A bar on a terminal; one for each unit."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TaskProgressColumn("{task.percentage:3.0f} %"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[details]}"),
            console=Console(file=stream, highlight=False, markup=False),
            redirect_stdout=False,
        )
        self._tasks: dict[str, TaskID] = {}

    def open(self) -> None:
        self._progress.start()

    def show(self, done: int, total: int, unit: str, details: str) -> None:
        if unit not in self._tasks:
            self._tasks[unit] = self._progress.add_task(f"{unit}s", total=None, details=details)
        self._progress.update(self._tasks[unit], total=total or None, completed=done, details=details)

    def say(self, sentence: str) -> None:
        self._progress.console.print(sentence, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()


class _Lines:
    """Lines in a log: the first and the last, and between them one per tenth of the work or half minute."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._unit = ""
        self._first = (0, 0.0)  # done, time: where the estimate starts from
        self._last = (0, 0.0)  # done, time of the last line

    def open(self) -> None:
        """Nothing to prepare."""

    def show(self, done: int, total: int, unit: str, details: str) -> None:
        now = self._clock()
        if unit != self._unit or done < self._last[0]:
            self._unit, self._first = unit, (done, now)
        elif done != total and not self._is_due(done, total, now):
            return
        self._last = (done, now)
        count = f"{done}/{total}" if total else f"{done}"
        parts = [f"{count} {unit}s", details, self._estimate(done, total, now)]
        self.say(", ".join(part for part in parts if part))

    def say(self, sentence: str) -> None:
        with suppress(OSError):  # a log that is gone is no reason to end the run
            print(sentence, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left open."""

    def _is_due(self, done: int, total: int, now: float) -> bool:
        is_share_done = total > 0 and done - self._last[0] >= _LINE_SHARE * total
        return is_share_done or now - self._last[1] >= _LINE_SECONDS

    def _estimate(self, done: int, total: int, now: float) -> str:
        first_done, start = self._first
        if done == first_done or done >= total:
            return ""
        seconds = (now - start) / (done - first_done) * (total - done)
        return f"{timedelta(seconds=round(seconds))} left"
