"""Play segmented frames in a window, as they come."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from PIL import Image

from deeplab.inference.live import SegmentedFrame
from worker.cli.foreground.window import Window


def play(
    window: Window, frames: Iterator[SegmentedFrame], labels: Sequence[str], should_stop: Callable[[], bool]
) -> int:
    """Show frames until the last one, until the window is closed or until `should_stop` is true.

    A thread takes them from the iterator, so that the window responds while the model computes. No frame is shown
    early, and none is skipped.

    Args:
        window: shows them, with the rate and the class below the pointer.
        frames: with times that begin near 0.
        labels: names of the classes; of "car, auto" the first word is shown, as the original does.
        should_stop: called about every 10 ms.

    Returns:
        How many were shown.
    """
    with ThreadPoolExecutor(1) as pool:
        player = _Player(window, lambda: pool.submit(next, frames, None), labels, should_stop)
        window.run(player.step)
    return player.n_shown


class _Player:
    def __init__(
        self,
        window: Window,
        draw_next: Callable[[], "Future[SegmentedFrame | None]"],
        labels: Sequence[str],
        should_stop: Callable[[], bool],
    ) -> None:
        self._window = window
        self._draw_next = draw_next
        self._labels = labels
        self._should_stop = should_stop
        self._next = draw_next()
        self._shown: SegmentedFrame | None = None
        self._start = 0.0  # when the first frame was shown
        self.n_shown = 0

    def step(self) -> None:
        if self._should_stop():
            self._window.close()
            return
        if self._next.done():
            self._take(self._next.result())
        if self._window.is_open and self._shown is not None:
            self._window.write(self._describe(self._shown))

    def _take(self, frame: SegmentedFrame | None) -> None:
        if frame is None:
            self._window.close()
            return
        now = time.monotonic()
        self._start = self._start or now
        if now - self._start < frame.seconds:
            return  # it is early
        self._shown, self._next = frame, self._draw_next()
        self._window.show(Image.fromarray(frame.overlay))
        self.n_shown += 1

    def _describe(self, frame: SegmentedFrame) -> str:
        rate = f"{frame.rate:.1f} frames/s"
        if self._window.pointer is None:
            return rate
        column, row = self._window.pointer
        height, width = frame.label_map.shape
        label = frame.label_map[min(row, height - 1), min(column, width - 1)]
        return f"{self._labels[label].split(',')[0]}   {rate}"
