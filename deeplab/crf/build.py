"""The CRF that a configuration describes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf import CrfParameters, DenseCRF
from deeplab.schema import Crf


def build_crf(crf: Crf, *, device: str = "auto", n_threads: int | None = None) -> DenseCRF:
    """Build the CRF of the CRF section, compiled and ready.

    Args:
        crf: the section.
        device: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:1"; the backends `numba` and `pydensecrf` keep
            to the CPU all the same.
        n_threads: threads of the numba backend; all cores that the process may use by default.

    Raises:
        CrfError: if a parameter is out of its range or the backend is not available.
    """
    return DenseCRF(
        *_parameters(crf),
        backend=crf.BACKEND,
        device=None if device == "auto" or crf.BACKEND in ("numba", "pydensecrf") else device,
        exact=crf.EXACT,
        n_threads=n_threads,
    )


def build_variants(crf: DenseCRF, sections: Sequence[Crf]) -> list[DenseCRF]:
    """The same CRF with the parameters of other sections, in the same memory."""
    return [crf.with_parameters(CrfParameters(*_parameters(section))) for section in sections]


def bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An (H, W, 3) RGB image as the CRF shall see it: it is not alike in the channels, and the original gives BGR."""
    return np.ascontiguousarray(image[..., ::-1])


def _parameters(crf: Crf) -> tuple[int, float, float, float, float, float]:
    return crf.ITER_MAX, crf.POS_W, crf.POS_XY_STD, crf.BI_W, crf.BI_XY_STD, crf.BI_RGB_STD
