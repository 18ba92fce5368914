"""Frames out of a video file, all of them in order."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deeplab.errors import VideoError
from deeplab.files import printable
from deeplab.video.frame import Frame
from deeplab.video.pyav import decode, require_av, upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_DEFAULT_RATE = Fraction(25)  # frames per second of a file that does not say


class VideoFile:
    """An open video file, a `FrameSource`. Pieces that cannot be decoded are left out and counted.

    Raises:
        VideoError: if PyAV is not installed, or the file does not exist or is not a video.
    """

    def __init__(self, path: Path) -> None:
        require_av()
        self._path = path
        self._container, self._stream = _open(path)
        self.n_frames = _count(self._container, self._stream)
        self.n_damaged = 0

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames. Raises VideoError if none can be decoded."""
        rate = self._stream.average_rate or _DEFAULT_RATE
        number, start = 0, 0.0
        for frame in decode(self._container, self._stream):
            if frame is None:
                self.n_damaged += 1
                continue
            seconds = float(number / rate) if frame.pts is None else frame.time
            start = seconds if number == 0 else start
            number += 1
            yield Frame(upright(frame), seconds - start)
        if number == 0:
            raise VideoError(f"{printable(self._path)}: has no frame that can be decoded.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._container.close()


def _open(path: Path) -> "tuple[InputContainer, VideoStream]":
    import av
    from av.error import FFmpegError

    name = printable(path)
    if not path.exists():
        raise VideoError(f"{name}: the video does not exist.")
    if not path.is_file():  # to open a named pipe could block forever
        raise VideoError(f"{name}: is not a file.")
    try:
        container = av.open(str(path.absolute()))
    except FFmpegError as error:
        raise VideoError(f"{name}: cannot be read as a video: {error.strerror}.") from error
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams or container.format.name == "tty":  # FFmpeg reads any text as a recording of a terminal
        container.close()
        raise VideoError(f"{name}: has no video stream.")
    streams[0].thread_type = "AUTO"
    return container, streams[0]


def _is_cover(stream: "VideoStream") -> bool:
    """Whether a stream is only the cover image of music."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _count(container: "InputContainer", stream: "VideoStream") -> int:
    """Count the frames by what the file says, or else by its duration."""
    if stream.frames or container.duration is None or stream.average_rate is None:
        return stream.frames
    return round(container.duration * stream.average_rate / 1_000_000)  # a container counts microseconds
