"""PyAV, which brings FFmpeg's libraries along: what files and cameras share."""

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
        raise VideoError("Reading and writing video needs av; the extra deeplab-platform[live] brings it.")


def decode(container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame | None]":
    """The frames of a stream in order, and None in the place of a piece that cannot be decoded."""
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
    """A decoded frame as (H, W, 3) RGB, turned as its file says: telephones film sideways and note it."""
    image = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)), np.uint8)
