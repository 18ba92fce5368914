import io
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from worker.cli.reporter import ConsoleReporter


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_every_tenth_or_half_minute_with_an_estimate() -> None:
    stream, clock = io.StringIO(), Clock()
    with ConsoleReporter(stream, clock) as reporter:
        for done in range(201):
            clock.now = done * 2.0 if done <= 100 else 200 + (done - 100) * 0.5
            if done == 60:
                reporter.metrics(done, {"loss": 1.23456, "lr/group0": 0.1})
            reporter.progress(done, 200, "iteration")
    lines = stream.getvalue().splitlines()
    assert lines[:3] == [
        "0/200 iterations",
        "15/200 iterations, 0:06:10 left",  # 30 s passed
        "30/200 iterations, 0:05:40 left",
    ]
    assert lines[4] == "60/200 iterations, loss 1.235, 0:04:40 left"
    assert lines[-2:] == ["190/200 iterations, loss 1.235, 0:00:13 left", "200/200 iterations, loss 1.235"]
    assert len(lines) < 20


def test_a_new_unit_starts_a_new_estimate() -> None:
    stream = io.StringIO()
    with ConsoleReporter(stream) as reporter:
        reporter.progress(10, 10, "iteration")
        reporter.progress(0, 3, "image")
        reporter.checkpoint(Path(os.fsdecode(b"out/caf\xe9.pth")), 10, is_best=True)
    assert stream.getvalue().splitlines() == [
        "10/10 iterations",
        "0/3 images",
        r"Saved out/caf\xe9.pth at iteration 10, the best so far.",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop_and_handlers_are_restored(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stream = io.StringIO()
    with ConsoleReporter(stream) as reporter:
        assert signal.getsignal(number) != before
        assert not reporter.should_stop()
        signal.raise_signal(number)
        assert reporter.should_stop()
        assert reporter.should_stop()
        assert signal.getsignal(number) == before  # so that the second acts as always
    assert signal.getsignal(number) == before
    assert stream.getvalue().count("Stopping") == 1


def test_handlers_are_restored_after_an_error_and_left_alone_off_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), ConsoleReporter(io.StringIO()):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) == before

    def run() -> None:
        with ConsoleReporter(io.StringIO()) as reporter:
            reporter.progress(1, 1, "image")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) == before


def test_a_terminal_shows_a_bar() -> None:
    program = """
from pathlib import Path
from worker.cli.reporter import ConsoleReporter
with ConsoleReporter() as reporter:
    reporter.progress(0, 4, "image")
    reporter.metrics(1, {"mean_iou": 0.5})
    reporter.progress(2, 4, "image")
    reporter.checkpoint(Path("x[bold].pth"), 2, is_best=False)
    reporter.progress(4, 4, "image")
"""
    control, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program], stderr=terminal, env={**os.environ, "TERM": "xterm"}
    ) as child:
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(control, 4096):
                shown += part
        except OSError:  # how Linux says that the other side closed
            pass
        finally:
            os.close(control)
    assert child.returncode == 0
    text = shown.decode()
    assert "4/4" in text
    assert "100 %" in text
    assert "mean IoU 0.500" in text
    assert "Saved x[bold].pth at iteration 2." in text
