"""Build the CRF that a configuration describes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf import CrfParameters, DenseCRF
from deeplab.schema import Config, Crf


def build_crf(crf: Crf, *, device: str = "auto", n_threads: int | None = None) -> DenseCRF:
    """Build the CRF of the CRF section, compiled and ready.

    Args:
        crf: the section.
        device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1"; the backends `numba` and `pydensecrf` ignore
            it and run on the CPU.
        n_threads: threads of the numba backend; None: one for each core that the process may use.

    Raises:
        CrfError: if a parameter is out of range or the backend is not available.
    """
    return DenseCRF(
        *_parameters(crf),
        backend=crf.BACKEND,
        device=None if device == "auto" or crf.BACKEND in ("numba", "pydensecrf") else device,
        exact=crf.EXACT,
        n_threads=n_threads,
    )


def build_variants(crf: DenseCRF, sections: Sequence[Crf]) -> list[DenseCRF]:
    """Build a CRF for each section; all of them share the memory and the backend of `crf`."""
    return [crf.with_parameters(CrfParameters(*_parameters(section))) for section in sections]


def bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn an RGB image, (H, W, 3), into BGR, which the original gives to its CRF; their order affects the result."""
    return np.ascontiguousarray(image[..., ::-1])


def view_of(config: Config) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    """Choose what the CRF sees of an RGB image, (H, W, 3): a function that makes CRF.IMAGE of it, in BGR."""
    mean = config.IMAGE.MEAN
    return bgr if config.CRF.IMAGE == "image" else partial(_wrapped, mean_bgr=(mean.B, mean.G, mean.R))


def _wrapped(image: NDArray[np.uint8 | np.float32], mean_bgr: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Subtract the mean and wrap around to 8 bits, as the original does by a cast: -3.7 becomes -3, and that 253."""
    return np.ascontiguousarray((image[..., ::-1] - np.array(mean_bgr, np.float32)).astype(np.int32).astype(np.uint8))


def _parameters(crf: Crf) -> tuple[int, float, float, float, float, float]:
    return crf.ITER_MAX, crf.POS_W, crf.POS_XY_STD, crf.BI_W, crf.BI_XY_STD, crf.BI_RGB_STD
