"""A frame of a video, and where frames come from."""

from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Frame(NamedTuple):
    """An image out of a video or camera, and its time."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB, upright
    seconds: float  # since the first frame; never decreases


class FrameSource(Protocol):
    """An open video file or camera, as a context manager."""

    n_frames: int  # how many to expect, approximately; 0: unknown
    n_damaged: int  # how many could not be decoded so far

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
