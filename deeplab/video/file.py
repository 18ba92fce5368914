"""Frames out of a video file, each of them in order."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deeplab.errors import VideoError
from deeplab.files import printable
from deeplab.video.frame import Frame
from deeplab.video.library import decode, require_av, upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_USUAL_RATE = Fraction(25)  # frames per second of a file that does not say


class VideoFile:
    """A video, open for reading; a `FrameSource`.

    A piece that cannot be decoded is left out and counted.

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
        """The frames from the first on. Raises VideoError if there is none that can be decoded."""
        rate = self._stream.average_rate or _USUAL_RATE
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
            raise VideoError(f"{printable(self._path)}: holds no frame that can be decoded.")

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
    if not path.is_file():  # a named pipe would be waited for without end
        raise VideoError(f"{name}: is not a file.")
    try:
        container = av.open(str(path.absolute()))
    except FFmpegError as error:
        raise VideoError(f"{name}: is not a video, or cannot be read: {error.strerror}.") from error
    films = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not films or container.format.name == "tty":  # FFmpeg would play any text as the film of a terminal
        container.close()
        raise VideoError(f"{name}: holds no moving picture.")
    films[0].thread_type = "AUTO"
    return container, films[0]


def _is_cover(stream: "VideoStream") -> bool:
    """Whether it is only a picture that goes with music."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _count(container: "InputContainer", stream: "VideoStream") -> int:
    """How many frames the file says that it holds, or its duration lets expect."""
    if stream.frames or container.duration is None or stream.average_rate is None:
        return stream.frames
    return round(container.duration * stream.average_rate / 1_000_000)  # a container counts microseconds
