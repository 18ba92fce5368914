"""Progress of a local run: a bar on a terminal, plain lines elsewhere; Ctrl-C ends it gently. Torch-free."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol, Self, TextIO

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

from deeplab.files import delete_file, printable

_SHOWN = {
    "loss": "loss {:.3f}",
    "mean_iou": "mean IoU {:.3f}",
    "frames_per_second": "{:.1f} frames/s",
}  # metrics that fit beside the progress
_LINE_EVERY = 0.1  # of the whole ...
_LINE_SECONDS = 30.0  # ... or so long
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPPING = "Stopping: finishing what is in work (again to end at once)."


class ConsoleReporter:
    """A reporter on standard error, to be used as a context manager.

    Inside it the first Ctrl-C (or SIGTERM) makes `should_stop` true, so that the loop saves its state and raises
    `Stopped`; the second acts as it always does. Off the main thread signals are left alone.

    Args:
        stream: in place of standard error.
        clock: seconds, for the estimates.
        silent: listen to signals and show nothing.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic, *, silent: bool = False
    ) -> None:
        self._view: _View = _Silence() if silent else _choose_view(stream or sys.stderr, clock)
        self.last_checkpoint: Path | None = None
        self._details: dict[str, float] = {}
        self._stop = False
        self._announced = False
        self._previous: dict[int, Any] = {}  # signal handlers

    def progress(self, done: int, total: int, unit: str) -> None:
        """Show how far the loop is, and about how long it will take."""
        self._view.show(
            done, total, unit, ", ".join(_SHOWN[name].format(self._details[name]) for name in self._details)
        )

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Remember the loss and the mean IoU for the next `progress`."""
        self._details.update({name: values[name] for name in _SHOWN if name in values})

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        """Say where the state was saved, and remember it as `last_checkpoint`."""
        self.last_checkpoint = path
        self._view.say(f"Saved {printable(path)} at iteration {iteration}{', the best so far' if is_best else ''}.")

    def discard(self, path: Path, iteration: int) -> None:
        """Delete it."""
        delete_file(path)

    def should_stop(self) -> bool:
        """Whether a signal came."""
        if self._stop and not self._announced:
            self._announced = True
            self._view.say(_STOPPING)
        return self._stop

    def __enter__(self) -> Self:
        self._view.open()
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore_signals()
        self._view.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
        self._restore_signals()
        # Nothing is printed here: the signal may have come in the middle of another print.

    def _restore_signals(self) -> None:
        while self._previous:
            signal.signal(*self._previous.popitem())


class _View(Protocol):
    """Where a reporter's progress appears."""

    def open(self) -> None: ...
    def show(self, done: int, total: int, unit: str, details: str) -> None: ...
    def say(self, sentence: str) -> None: ...
    def close(self) -> None: ...


def _choose_view(stream: TextIO, clock: Callable[[], float]) -> _View:
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
    """Lines in a log: the first and the last, and between them one per tenth or half minute."""

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
        is_tenth = total > 0 and done - self._last[0] >= _LINE_EVERY * total
        return is_tenth or now - self._last[1] >= _LINE_SECONDS

    def _estimate(self, done: int, total: int, now: float) -> str:
        first_done, start = self._first
        if done == first_done or done >= total:
            return ""
        seconds = (now - start) / (done - first_done) * (total - done)
        return f"{timedelta(seconds=round(seconds))} left"
