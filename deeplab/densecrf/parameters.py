"""The parameters of a dense CRF, checked when built."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from deeplab.densecrf.errors import CrfError


@dataclass(frozen=True)
class CrfParameters:
    """What mean-field inference needs to know apart from an image.

    Raises:
        CrfError: if a value has the wrong type or lies outside its range.
    """

    iter_max: int  # mean-field steps; 0 gives the normalised clipped probabilities
    pos_w: float  # weight of the smoothness kernel, a Gaussian in position
    pos_xy_std: float  # its standard deviation, pixels
    bi_w: float  # weight of the appearance kernel, a Gaussian in position and colour
    bi_xy_std: float  # its standard deviation in position, pixels
    bi_rgb_std: float  # its standard deviation in colour, 0..255

    def __post_init__(self) -> None:
        if not isinstance(self.iter_max, Integral) or isinstance(self.iter_max, bool) or self.iter_max < 0:
            raise CrfError(f"iter_max must be a whole number of at least 0, not {self.iter_max!r}.")
        for name in ("pos_w", "bi_w"):
            self._check_real(name, "a finite number of at least 0", positive=False)
        for name in ("pos_xy_std", "bi_xy_std", "bi_rgb_std"):
            self._check_real(name, "a finite number above 0", positive=True)

    def _check_real(self, name: str, expected: str, *, positive: bool) -> None:
        value = getattr(self, name)
        valid = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        with np.errstate(over="ignore", under="ignore"):
            single = np.float32(value) if valid else np.float32(0)  # the engines compute with float32
        if not valid or not np.isfinite(single) or value < 0 or (positive and single == 0):
            raise CrfError(f"{name} must be {expected}, not {value!r}.")
