"""Frames out of a camera: always the newest one, so that what is shown is what happens now."""

import sys
import time
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from deeplab.errors import VideoError
from deeplab.video.frame import Frame
from deeplab.video.latest import latest
from deeplab.video.pyav import decode, require_av, upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame


class Device(NamedTuple):
    """A camera in FFmpeg's terms."""

    name: str
    system: str  # FFmpeg's input format, such as "v4l2"
    options: dict[str, str]


def camera_device(camera_id: int) -> Device:
    """Name a camera by its number, counted from 0."""
    if sys.platform == "darwin":
        return Device(str(camera_id), "avfoundation", {"framerate": "30"})
    return Device(f"/dev/video{camera_id}", "v4l2", {})


class Camera:
    """An open camera, a `FrameSource` without end. Frames that come while the consumer is busy are dropped.

    Raises:
        VideoError: if PyAV is not installed, or there is no such camera, or another program uses it.
    """

    n_frames = 0  # unknown

    def __init__(self, device: Device) -> None:
        require_av()
        self.n_damaged = 0
        self._name = device.name
        self._frames = latest(self._decode(_open(device)))

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames with the times of their arrival. Raises VideoError when the camera is gone."""
        start = None
        for frame in self._frames:
            now = time.monotonic()
            start = now if start is None else start
            yield Frame(upright(frame), now - start)
        raise VideoError(f"{self._name}: the camera stopped sending frames.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._frames.close()

    def _decode(self, container: "InputContainer") -> "Generator[VideoFrame, None, None]":
        """Runs in the thread of `latest`, and closes the camera at its end."""
        with container:
            for frame in decode(container, container.streams.video[0]):
                if frame is None:
                    self.n_damaged += 1
                else:
                    yield frame


def _open(device: Device) -> "InputContainer":
    import av
    from av.error import FFmpegError

    try:
        return av.open(device.name, format=device.system, options=device.options)
    except FFmpegError as error:
        raise VideoError(f"{device.name}: the camera cannot be opened: {error.strerror}.") from error
