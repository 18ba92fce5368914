"""What files and cameras share: PyAV, which comes with FFmpeg's libraries."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

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
    """Turn a decoded frame into (H, W, 3) RGB, rotated and mirrored as its file says.

    Phones film sideways, and their front cameras mirrored. They note it in a matrix (a, b, u, c, d, v, x, y, w), which
    takes the pixel of column p and row q to column a * p + c * q and row b * p + d * q. Other angles than quarter turns
    become the nearest one.
    """
    from av.sidedata.sidedata import Type

    image = frame.to_ndarray(format="rgb24")
    matrix: Any = frame.side_data.get(Type.DISPLAYMATRIX.name)  # PyAV's stubs know no buffer
    if matrix is not None:
        a, b, _, c, d, *_ = (int(number) for number in np.frombuffer(matrix, np.int32))
        if abs(b) + abs(c) > abs(a) + abs(d):
            image, column, row = image.transpose(1, 0, 2), c, b
        else:
            column, row = a, d
        image = image[:: -1 if row < 0 else 1, :: -1 if column < 0 else 1]
    return np.ascontiguousarray(image, np.uint8)
