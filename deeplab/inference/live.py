"""Segment a video or a camera, frame by frame, as the original's demo does."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import LabelError
from deeplab.images.overlay import draw_overlay
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.single import segment_image
from deeplab.reporter import Reporter
from deeplab.video.frame import Frame, FrameSource
from deeplab.video.writer import write_video

_RATE_WINDOW = 30  # frames over which the rate is measured


class SegmentedFrame(NamedTuple):
    """A frame, at the size at which `segment_image` segments it, and its label map."""

    overlay: NDArray[np.uint8]  # (h, w, 3) RGB: the frame blended with the colours of its classes
    label_map: NDArray[np.uint8]  # (h, w)
    seconds: float  # the frame's time
    rate: float  # frames segmented per second at present; 0 at the first


def segment_frames(segmenter: Segmenter, frames: Iterable[Frame]) -> Iterator[SegmentedFrame]:
    """Segment each frame by itself."""
    times: deque[float] = deque(maxlen=_RATE_WINDOW)
    for frame in frames:
        try:
            image, label_map = segment_image(segmenter, frame.image)
        except LabelError as error:
            raise LabelError(f"The frame at {frame.seconds:.2f} s: {error}") from error
        times.append(time.monotonic())
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        overlay = draw_overlay(image, label_map, segmenter.class_colours)
        yield SegmentedFrame(overlay, label_map, frame.seconds, rate)


def write_overlay_video(segmenter: Segmenter, source: FrameSource, path: Path, reporter: Reporter) -> int:
    """Write a video of the overlays, with the frames' times; when the reporter asks to stop, it is shorter but whole.

    Returns:
        How many frames it has.

    Raises:
        VideoError, OutputError: as the source and `write_video`.
    """
    n_done = 0
    with write_video(path) as add:
        for frame in segment_frames(segmenter, source):
            add(Frame(frame.overlay, frame.seconds))
            n_done += 1
            if frame.rate:
                reporter.metrics(n_done, {"frames_per_second": frame.rate})
            reporter.progress(n_done, max(source.n_frames, n_done) if source.n_frames else 0, "frame")
            if reporter.should_stop():
                break
    return n_done
