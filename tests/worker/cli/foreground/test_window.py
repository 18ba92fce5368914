"""Windows on a real display, which Xvfb simulates where it is installed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab

from deeplab.inference.live import SegmentedFrame
from tests.processes import wait_until
from worker.cli.foreground.player import play
from worker.cli.foreground.window import NoWindowError, Window, has_display, open_window

pytest.importorskip("tkinter", reason="this Python came without Tk", exc_type=ImportError)


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    window = Window("DeepLab")
    yield window
    window.close()


def screenshot(window: Window, display: str) -> np.ndarray:
    """The pixels of the window's picture, as they are on the screen."""
    root = window._root
    root.update()
    x, y = window._picture.winfo_rootx(), window._picture.winfo_rooty()
    box = (x, y, x + window._picture.winfo_width(), y + window._picture.winfo_height())
    return np.asarray(ImageGrab.grab(box, xdisplay=display).convert("RGB"))


def frame(number: int) -> SegmentedFrame:
    label_map = np.zeros((30, 40), np.uint8)
    label_map[:, 20:] = 1
    return SegmentedFrame(np.full((30, 40, 3), 40 * number, np.uint8), label_map, number / 100, 12.34)


def test_a_picture_reaches_the_screen(window: Window, display: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    window.show(Image.fromarray(pixels))
    assert np.array_equal(screenshot(window, display), pixels)


def test_a_picture_that_is_larger_than_the_screen_is_shrunk(window: Window, display: str) -> None:
    window.show(Image.new("RGB", (4000, 1000), "red"))
    assert screenshot(window, display).shape == (136, 544, 3)


@pytest.mark.parametrize("event", ["<q>", "<Escape>"])
def test_a_key_closes_the_window(window: Window, event: str) -> None:
    def press() -> None:
        window._root.focus_force()
        window._root.event_generate(event)

    window.run(press)
    assert not window.is_open


def test_an_error_closes_the_window_and_is_raised(window: Window) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        window.run(fail)
    assert not window.is_open


def test_every_frame_is_played_and_the_class_below_the_pointer_is_named(window: Window, display: str) -> None:
    texts, shades = [], []

    def frames() -> Iterator[SegmentedFrame]:
        for number in range(4):
            yield frame(number)

    def watch() -> bool:
        if window._text["text"]:
            texts.append(window._text["text"])
            shades.append(int(screenshot(window, display).mean()))
            window._picture.event_generate("<Motion>", x=30, y=5)
        return False

    assert play(window, frames(), ["road", "car, auto"], watch) == 4
    assert shades == sorted(shades)
    assert {0, 40, 80} <= set(shades)
    assert texts[0] == "12.3 frames/s"
    assert texts[-1] == "car   12.3 frames/s"


def test_playing_stops_when_asked_and_lets_go_of_the_frames(window: Window) -> None:
    closed = threading.Event()

    def frames() -> Generator[SegmentedFrame, None, None]:
        try:
            while True:
                yield frame(0)
        finally:
            closed.set()

    endless = frames()
    assert play(window, endless, ["road", "car"], lambda: window._text["text"] != "") >= 1
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
    with pytest.raises(NoWindowError, match="No window can be shown: "):
        Window("DeepLab")
    assert open_window("DeepLab") is None
    assert capsys.readouterr().err.endswith("A file is written instead.\n")


def test_single_shows_its_figure_until_the_window_is_closed(network: list[str], tmp_path: Path, display: str) -> None:
    Image.new("RGB", (48, 48), "yellow").save(tmp_path / "a.png")
    command = [sys.executable, "-m", "worker.cli", "single", *network, "-i", "a.png"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}

    def is_shown() -> bool:
        screen = np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB"))
        return bool((screen == (255, 255, 0)).all(axis=2).any())

    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as child:
        wait_until(is_shown, seconds=120)
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
    assert said.startswith("CLASS")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
