"""What files and cameras share: PyAV, which comes with FFmpeg's libraries."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import VideoError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


def require_av() -> None:
    """Raise VideoError unless PyAV is installed."""
    if find_spec("av") is None:
        raise VideoError("Reading and writing videos requires PyAV; install deeplab-platform[live].")


def decode(container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame | None]":
    """Yield the frames of a stream in order, and None for each piece that cannot be decoded."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except FFmpegError:
            yield None
            continue
        if packet is None:
            return
        yield from frames


def upright(frame: "VideoFrame") -> NDArray[np.uint8]:
    """Turn a decoded frame into (H, W, 3) RGB, rotated as its file says: phones film sideways and note it."""
    image = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)), np.uint8)
