"""Frames into a video file: H.264, which every player and browser plays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import OutputError, VideoError
from deeplab.files import make_folder, printable, replace_file
from deeplab.video.frame import Frame
from deeplab.video.pyav import require_av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

VIDEO_FORMATS = {".mp4": "mp4", ".mov": "mov"}

_TICKS = 90_000  # per second, the unit of the times in the file
_NOMINAL_RATE = 30  # frames per second; only a hint, since each frame has its own time


@contextmanager
def write_video(path: Path) -> Iterator[Callable[[Frame], None]]:
    """Write a video, whole or not at all: the block receives a function that adds a frame.

    All frames get the size of the first; odd sides grow by a pixel, because the codec halves them.

    Raises:
        OutputError: if the file cannot be written, or its suffix is not one of `VIDEO_FORMATS`.
        VideoError: if PyAV is not installed, or the block added no frame.
    """
    require_av()
    suffix = path.suffix.lower()
    if suffix not in VIDEO_FORMATS:
        raise OutputError(f"{printable(path)}: a video's name must end in {', '.join(VIDEO_FORMATS)}.")
    make_folder(path.parent)
    with replace_file(path) as file:
        encoder = _Encoder(file, VIDEO_FORMATS[suffix])
        yield encoder.add
        encoder.finish()


class _Encoder:
    def __init__(self, file: BinaryIO, container_format: str) -> None:
        import av

        self._container: OutputContainer = av.open(file, "w", format=container_format)
        self._stream: VideoStream | None = None
        self._last_tick = -1

    def add(self, frame: Frame) -> None:
        import av

        image = _even_sides(frame.image)
        stream = self._stream = self._stream or self._add_stream(*image.shape[:2])
        video_frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        self._last_tick = max(self._last_tick + 1, round(frame.seconds * _TICKS))
        video_frame.pts, video_frame.time_base = self._last_tick, Fraction(1, _TICKS)
        self._container.mux(stream.encode(video_frame))

    def finish(self) -> None:
        if self._stream is None:
            raise VideoError("There was no frame to write.")
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def _add_stream(self, height: int, width: int) -> "VideoStream":
        stream = self._container.add_stream("libx264", rate=_NOMINAL_RATE)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        return stream


def _even_sides(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
