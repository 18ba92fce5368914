"""The CRF that a configuration describes."""

from deeplab.densecrf import DenseCRF
from deeplab.schema import Crf


def build_crf(crf: Crf, *, n_threads: int | None = None) -> DenseCRF:
    """Build the CRF of the CRF section, compiled and ready.

    Args:
        crf: the section.
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
        exact=crf.EXACT,
        n_threads=n_threads,
    )
