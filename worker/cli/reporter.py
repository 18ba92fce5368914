"""Report progress on standard error, and stop gently on Ctrl-C. Torch-free."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

import click

from deeplab.errors import DeepLabError
from deeplab.files import delete_file, printable
from deeplab.processes import is_main_process
from deeplab.reporter import Stopped
from worker.cli.progress_view import choose_view

CONTINUES = "Run the same command again to continue."
STARTS_OVER = "Run the same command again to start over."

_SHOWN = {
    "loss": "loss {:.3f}",
    "mean_iou": "mean IoU {:.3f}",
    "frames_per_second": "{:.1f} frames/s",
}  # metrics that fit beside the progress
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPPING = "Stopping after the current step (press Ctrl-C again to quit now)."
_INTERRUPTED = 130  # as a shell reports Ctrl-C


@contextmanager
def report_progress(advice: str) -> Iterator["ConsoleReporter"]:
    """Show progress inside the block. If it is stopped, print the advice and exit with 130.

    Of several processes only the main one prints; its failures are those of all.

    Args:
        advice: how to go on after a stop; "{checkpoint}" stands for the path of the last checkpoint.
    """
    speaks = is_main_process()
    reporter = ConsoleReporter(silent=not speaks)
    try:
        with reporter:
            yield reporter
    except Stopped as stopped:
        if speaks:
            advice = advice.replace("{checkpoint}", str(reporter.last_checkpoint))
            click.echo(f"{str(stopped) or 'Stopped.'} {advice}", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from stopped
    except DeepLabError as error:
        if speaks:
            raise
        raise click.exceptions.Exit(1) from error


@contextmanager
def log_to(say: Callable[[str], None]) -> Iterator[None]:
    """Hand each line that the library logs inside the block to `say`; warnings too, which it would print otherwise."""
    log, handler = logging.getLogger("deeplab"), _Speaker(say)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)


def say_on_stderr(line: str) -> None:
    """Print a line for people, apart from what the command answers."""
    click.echo(line, err=True)


class _Speaker(logging.Handler):
    """A log handler that hands on messages alone."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


class ConsoleReporter:
    """A reporter on standard error, to be used as a context manager.

    Inside it the first Ctrl-C (or SIGTERM) makes `should_stop` true, so that the loop saves its state and raises
    `Stopped`; the second acts as it always does. Off the main thread signals are left alone. What the library logs
    appears among the progress.

    Args:
        stream: where to print; None: standard error.
        clock: seconds, for the estimates.
        silent: listen to signals and show nothing.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic, *, silent: bool = False
    ) -> None:
        self._view = choose_view(stream or sys.stderr, clock, silent=silent)
        self.last_checkpoint: Path | None = None
        self._details: dict[str, float] = {}
        self._stop = False
        self._announced = False
        self._previous: dict[int, Any] = {}  # signal handlers
        self._log = ExitStack()

    def progress(self, done: int, total: int, unit: str) -> None:
        """Show how far the loop is, and about how long it will take."""
        details = ", ".join(_SHOWN[name].format(value) for name, value in self._details.items())
        self._view.show(done, total, unit, details)

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        """Remember the metrics that the next `progress` shows."""
        self._details.update({name: values[name] for name in _SHOWN if name in values})

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        """Say where the state was saved, and remember it as `last_checkpoint`."""
        self.last_checkpoint = path
        self._view.say(f"Saved {printable(path)} at iteration {iteration}{', the best so far' if is_best else ''}.")

    def discard(self, path: Path, iteration: int) -> None:
        """Delete a checkpoint that is no longer needed."""
        delete_file(path)

    def should_stop(self) -> bool:
        """Whether Ctrl-C or SIGTERM came."""
        if self._stop and not self._announced:
            self._announced = True
            self._view.say(_STOPPING)
        return self._stop

    def __enter__(self) -> Self:
        self._view.open()
        self._log.enter_context(log_to(self._view.say))
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore_signals()
        self._log.close()
        self._view.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
        self._restore_signals()
        # Nothing is printed here: the signal may have come in the middle of another print.

    def _restore_signals(self) -> None:
        while self._previous:
            signal.signal(*self._previous.popitem())
