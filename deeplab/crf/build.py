"""The CRF that a configuration describes."""

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf import DenseCRF
from deeplab.schema import Crf


def build_crf(crf: Crf, *, device: str | None = None, n_threads: int | None = None) -> DenseCRF:
    """Build the CRF of the CRF section, compiled and ready.

    Args:
        crf: the section.
        device: where it shall run, such as "cuda:1"; the backends `numba` and `pydensecrf` keep to the processor all
            the same. None: a GPU where there is one, else the processor.
        n_threads: threads of the numba backend; all cores that the process may use by default.

    Raises:
        CrfError: if a parameter is out of its range or the backend cannot be had.
    """
    return DenseCRF(
        crf.ITER_MAX,
        crf.POS_W,
        crf.POS_XY_STD,
        crf.BI_W,
        crf.BI_XY_STD,
        crf.BI_RGB_STD,
        backend=crf.BACKEND,
        device=device if crf.BACKEND in ("auto", "torch") else None,
        exact=crf.EXACT,
        n_threads=n_threads,
    )


def bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An (H, W, 3) RGB image as the CRF shall see it: it is not alike in the channels, and the original gives BGR."""
    return np.ascontiguousarray(image[..., ::-1])
