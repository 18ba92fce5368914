"""Videos that tests write for themselves, with PyAV alone."""

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray


def random_images(n: int, height: int = 32, width: int = 48) -> Iterator[NDArray[np.uint8]]:
    """Noise, ever brighter, so that the order shows."""
    rng = np.random.default_rng(0)
    for number in range(n):
        yield (rng.integers(0, 60, (height, width, 3)) + 190 * number // n).astype(np.uint8)


def film(path: Path, *, n: int = 10, rate: int = 10, codec: str = "mpeg4", rotation: int = 0) -> Path:
    """A video of `random_images`, at so many frames per second, in the container that the file's name tells."""
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=rate))
        images = list(random_images(n))
        stream.height, stream.width, stream.pix_fmt = (
            *images[0].shape[:2],
            "yuvj420p" if codec == "mjpeg" else "yuv420p",
        )
        stream.codec_context.gop_size = 5
        stream.set_display_rotation(rotation)
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    return path


def film_unevenly(path: Path, times: Sequence[int]) -> Path:
    """A video of `random_images` that shows each frame from a time of its own on, in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, image in zip(times, random_images(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(image)
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut_short(path: Path) -> Path:
    """Cut the second half of a file off."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def with_matrix(source: Path, path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Copy an .mp4 with another display matrix: a, b, c, d as in `deeplab.video.pyav.upright`."""
    a, b, c, d = (number << 16 for number in matrix)
    content = bytearray(source.read_bytes())
    begin = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: the track's header, version 0
    assert struct.unpack_from(">9i", content, begin)[8] == 1 << 30
    struct.pack_into(">9i", content, begin, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path
