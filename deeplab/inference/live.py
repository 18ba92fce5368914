"""Moving pictures, labelled frame by frame as the original's demo does."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.images.overlay import draw_overlay
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.single import segment_image
from deeplab.reporter import Reporter
from deeplab.video.frame import Frame, FrameSource
from deeplab.video.writer import write_video

_RATE_OVER = 30  # frames


class SegmentedFrame(NamedTuple):
    """A frame, resized so that its longer side is IMAGE.SIZE.TEST, and its labels."""

    overlay: NDArray[np.uint8]  # (h, w, 3) RGB: the frame blended with the colours of its classes
    label_map: NDArray[np.uint8]  # (h, w)
    seconds: float  # the frame's time
    rate: float  # frames per second that are labelled at present; 0 at the first


def segment_frames(segmenter: Segmenter, frames: Iterable[Frame]) -> Iterator[SegmentedFrame]:
    """Label each frame by itself."""
    times: deque[float] = deque(maxlen=_RATE_OVER)
    for frame in frames:
        image, label_map = segment_image(segmenter, frame.image)
        times.append(time.monotonic())
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        yield SegmentedFrame(draw_overlay(image, label_map), label_map, frame.seconds, rate)


def write_overlay_video(segmenter: Segmenter, source: FrameSource, path: Path, reporter: Reporter) -> int:
    """Write a video of the overlays, with the frames' times; it ends early, but whole, when the reporter asks for it.

    Returns:
        How many frames it holds.

    Raises:
        VideoError, OutputError: as the source and `write_video`.
    """
    n_done = 0
    with write_video(path) as add:
        for labelled in segment_frames(segmenter, source):
            add(Frame(labelled.overlay, labelled.seconds))
            n_done += 1
            if labelled.rate:
                reporter.metrics(n_done, {"frames_per_second": labelled.rate})
            reporter.progress(n_done, max(source.n_frames, n_done) if source.n_frames else 0, "frame")
            if reporter.should_stop():
                break
    return n_done
