"""Names for the arrays that kernels take. All are C-contiguous."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# Arrays of the caller, which kernels only read: they may be read-only memory (np.load with mmap_mode, Pillow's pixels).
GivenBytes = Annotated[NDArray[np.uint8], "read-only"]
GivenFloats = Annotated[NDArray[np.float32], "read-only"]
