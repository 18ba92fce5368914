"""Memory that is kept from image to image: fresh pages cost more time than filling them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64  # bytes of a cache line; a row of 16 classes that begins on one touches no second


class Arena:
    """Named buffers that only grow. An array is valid until the same name is taken again."""

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[np.uint8]] = {}

    def take(self, name: str, size: int, dtype: type[np.generic]) -> NDArray[Any]:
        """Return a flat array of `size` elements with any content, aligned to a cache line."""
        n_bytes = size * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < n_bytes:
            self._buffers.pop(name, None)  # freed before the larger one is asked for
            room = np.empty(n_bytes + _LINE, np.uint8)
            buffer = self._buffers[name] = room[-room.ctypes.data % _LINE :][: max(n_bytes, 1)]
        return buffer[:n_bytes].view(dtype)

    @property
    def n_bytes(self) -> int:
        """How much is held."""
        return sum(len(buffer) for buffer in self._buffers.values())
