"""One picture of a moving picture."""

from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Frame(NamedTuple):
    """A picture and its time."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB, upright
    seconds: float  # since the first frame; never falls


class FrameSource(Protocol):
    """Where frames come from, as a context manager: a file, or a camera."""

    n_frames: int  # about so many will come; 0: nobody knows
    n_damaged: int  # so many could not be decoded until now

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
