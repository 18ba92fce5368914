"""Windows on a real display, which Xvfb simulates where it is installed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageGrab

from deeplab.inference.live import SegmentedFrame
from tests.paths import ROOT
from tests.processes import wait_until
from worker.cli.foreground.player import play
from worker.cli.foreground.window import NoWindowError, Window, has_display, open_window

if TYPE_CHECKING:
    import tkinter

pytest.importorskip("tkinter", reason="this Python came without Tk", exc_type=ImportError)


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    window = Window("DeepLab")
    yield window
    window.close()


def tk() -> "tkinter.Misc":
    """The window as Tk knows it: the default master of new widgets."""
    import tkinter

    probe = tkinter.Frame()
    probe.destroy()
    return probe.master


def text_in_window() -> str:
    """What the window says."""
    return "".join(widget.cget("text") for widget in tk().winfo_children())


def look_at(display: str, width: int = 640, height: int = 480) -> np.ndarray:
    """The pixels of the screen's upper left corner, where a window opens when there is no window manager."""
    return np.asarray(ImageGrab.grab((0, 0, width, height), xdisplay=display).convert("RGB"))


def run_until(window: Window, is_seen: Callable[[], bool]) -> None:
    """Run a window until something can be seen."""
    deadline = time.monotonic() + 60

    def look() -> None:
        if is_seen():
            window.close()
        elif time.monotonic() > deadline:
            raise TimeoutError

    window.run(look)


def frame(number: int) -> SegmentedFrame:
    label_map = np.zeros((30, 40), np.uint8)
    label_map[:, 20:] = 1
    return SegmentedFrame(np.full((30, 40, 3), 40 * number, np.uint8), label_map, number / 100, 12.34)


def test_a_picture_reaches_the_screen(window: Window, display: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    window.show(Image.fromarray(pixels))
    run_until(window, lambda: np.array_equal(look_at(display, 40, 30), pixels))


def test_a_picture_that_is_larger_than_the_screen_is_shrunk(window: Window, display: str) -> None:
    def red_size() -> tuple[int, int]:
        is_red = (look_at(display) == (255, 0, 0)).all(axis=2)
        return int(is_red.any(axis=0).sum()), int(is_red.any(axis=1).sum())

    window.show(Image.new("RGB", (4000, 1000), "red"))
    run_until(window, lambda: red_size() == (544, 136))


@pytest.mark.parametrize("event", ["<q>", "<Escape>"])
def test_a_key_closes_the_window(window: Window, event: str) -> None:
    def press() -> None:
        tk().focus_force()
        tk().event_generate(event)

    window.run(press)
    assert not window.is_open


def test_an_error_closes_the_window_and_is_raised(window: Window) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        window.run(fail)
    assert not window.is_open


def test_every_frame_is_played_and_the_class_below_the_pointer_is_named(window: Window, display: str) -> None:
    texts, is_named = [], threading.Event()
    is_seen = [threading.Event() for _ in range(4)]

    def frames() -> Iterator[SegmentedFrame]:
        for number in range(4):
            yield frame(number)
            assert is_seen[number].wait(60)
        assert is_named.wait(60)

    def watch() -> bool:
        for number, pixels in enumerate(each.overlay for each in map(frame, range(4))):
            if np.array_equal(look_at(display, 40, 30), pixels):
                is_seen[number].set()
        if text := text_in_window():
            texts.append(text)
            tk().event_generate("<Motion>", warp=True, x=30 + len(texts) % 2, y=5)  # moves the pointer
            if text == "car   12.3 frames/s":
                is_named.set()
        return False

    assert play(window, frames(), ["road", "car, auto"], watch) == 4
    assert texts[0] == "12.3 frames/s"


def test_playing_stops_when_asked_and_lets_go_of_the_frames(window: Window) -> None:
    closed = threading.Event()

    def frames() -> Generator[SegmentedFrame, None, None]:
        try:
            while True:
                yield frame(0)
        finally:
            closed.set()

    endless = frames()
    assert play(window, endless, ["road", "car"], lambda: text_in_window() != "") >= 1
    endless.close()  # possible, because no thread draws from it any more
    assert closed.is_set()


def test_without_a_display(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not has_display()
    assert open_window("DeepLab") is None
    assert capsys.readouterr().err == ""


def test_a_display_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DISPLAY", ":987654")
    with pytest.raises(NoWindowError, match="Cannot open a window: "):
        Window("DeepLab")
    assert open_window("DeepLab") is None
    assert capsys.readouterr().err.endswith("Writing a file instead.\n")


def test_single_shows_its_figure_until_the_window_is_closed(
    model_options: list[str], tmp_path: Path, display: str
) -> None:
    Image.new("RGB", (48, 48), "yellow").save(tmp_path / "a.png")
    command = [sys.executable, "-m", "worker.cli", "single", *model_options, "-i", "a.png"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def is_shown() -> bool:
        screen = np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB"))
        return bool((screen == (255, 255, 0)).all(axis=2).any())

    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as child:
        wait_until(is_shown, seconds=120)
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
    assert said.startswith("CLASS")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
