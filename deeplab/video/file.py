"""Frames out of a video file, all of them in order."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deeplab import remote
from deeplab.confinement import require_readable
from deeplab.errors import VideoError
from deeplab.files import printable
from deeplab.formats import plural
from deeplab.video.frame import Frame
from deeplab.video.pyav import decode, require_av, upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Others, such as playlists and lists of files to join, would read files that nobody named, or ask other hosts.
_CONTAINERS = (
    "mov,matroska,webm,avi,mpeg,mpegvideo,mpegts,asf,flv,ogg,nut,ivf,obu,h264,hevc,m4v,mjpeg,gif,yuv4mpegpipe,dv,mxf,"
    "rm,wav,mp3,flac,tty"
)
_DEFAULT_RATE = Fraction(25)  # frames per second of a file that does not say


class VideoFile:
    """An open video file, a `FrameSource`. Pieces that cannot be decoded are left out and counted.

    Args:
        path: of the file.
        every: only each so many-th frame is wanted, from the first on; the others are decoded and dropped.

    Raises:
        VideoError: if PyAV is not installed, or the file does not exist or is not a video.
    """

    def __init__(self, path: Path, every: int = 1) -> None:
        require_av()
        self._path = path
        self._every = every
        self._container, self._stream = _open(path)
        self.n_frames = math.ceil(_count(self._container, self._stream) / every)
        self.n_decoded = 0  # so far, those between the wanted ones too
        self.n_damaged = 0
        self._end = 0.0  # seconds at which the last frame so far ends

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames that are wanted. Raises VideoError if none can be decoded."""
        rate = self._stream.average_rate or _DEFAULT_RATE
        start = 0.0
        for frame in decode(self._container, self._stream):
            if frame is None:
                self.n_damaged += 1
                continue
            seconds = float(self.n_decoded / rate) if frame.pts is None else frame.time
            start = seconds if self.n_decoded == 0 else start
            self._end = max(self._end, seconds - start + _shown(frame))
            self.n_decoded += 1
            if (self.n_decoded - 1) % self._every == 0:
                yield Frame(upright(frame), seconds - start)
        if self.n_decoded == 0:
            raise VideoError(f"{printable(self._path)}: has no frame that can be decoded.")

    def damage(self) -> str:
        """Say after the last frame what was missing, as far as the file tells; nothing if it was whole."""
        name, found = printable(self._path), f"{plural(self.n_decoded, 'frame')} could be decoded"
        if self.n_damaged:
            return f"{name}: is damaged: {plural(self.n_damaged, 'piece')} could not be decoded, {found}."
        promised = _seconds(self._stream)
        if promised is not None and self._end < promised - _tolerance(self._container, self._stream):
            return f"{name}: is cut short: it ends at {self._end:.2f} s of {promised:.2f} s, {found}."
        return ""

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
    try:
        require_readable(path)
        remote.fetch(path)
    except FileNotFoundError:
        raise VideoError(f"{name}: the video does not exist.") from None
    except OSError as error:
        raise VideoError(f"{name}: {error.strerror}.") from None
    if not path.exists():
        raise VideoError(f"{name}: the video does not exist.")
    if not path.is_file():  # to open a named pipe could block forever
        raise VideoError(f"{name}: is not a file.")
    try:
        container = av.open(
            str(path.absolute()), options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
        )
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
    if stream.frames or stream.average_rate is None:
        return stream.frames
    seconds = _seconds(stream)
    if seconds is None:
        seconds = (container.duration or 0) / 1_000_000  # a container counts microseconds; of sound, too
    return round(seconds * stream.average_rate)


def _seconds(stream: "VideoStream") -> float | None:
    """How long the video is by what the file says of it, whatever may be missing; None: it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    clock = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska, WebM
    return None if clock is None else 3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3])


def _tolerance(container: "InputContainer", stream: "VideoStream") -> float:
    """By how many seconds the end of the last frame of a whole video may differ from what the file says."""
    two_frames = float(2 / (stream.average_rate or _DEFAULT_RATE))
    # The former sum up the frames, while others round, or count frames that are only repeated.
    is_exact = any(name in container.format.name for name in ("mov", "matroska"))
    return two_frames if is_exact else max(two_frames, 1.0)


def _shown(frame: "VideoFrame") -> float:
    """For how many seconds a frame is shown."""
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
