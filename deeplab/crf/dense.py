"""Mean-field inference in the fully connected CRF of Krähenbühl and Koltun, by pydensecrf."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deeplab.errors import DeepLabError
from deeplab.schema import Crf

_LEAST_PROBABILITY = np.float32(1e-5)  # as pydensecrf's `unary_from_softmax`: the logarithm of 0 is not finite


@dataclass(frozen=True)
class DenseCRF:
    """The six parameters of DeepLab's CRF; call it to refine the probabilities of one image.

    Neighbours with the same label are favoured by two Gaussian kernels: one of position, one of position and colour.

    Source: Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", 2011.
    """

    iter_max: int  # mean-field iterations
    pos_w: float  # weight of the position kernel ...
    pos_xy_std: float  # ... and its range in pixels
    bi_w: float  # weight of the position-colour kernel ...
    bi_xy_std: float  # ... its range in pixels ...
    bi_rgb_std: float  # ... and in colour, 0..255

    @classmethod
    def from_config(cls, crf: Crf) -> Self:
        """The CRF that the CRF section describes."""
        return cls(crf.ITER_MAX, crf.POS_W, crf.POS_XY_STD, crf.BI_W, crf.BI_XY_STD, crf.BI_RGB_STD)

    def __call__(self, image: NDArray[np.uint8], probs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Refine the probabilities of one image.

        Args:
            image: (H, W, 3) uint8; the order of the channels does not matter.
            probs: (C, H, W) float32, summing to 1 over C.

        Returns:
            (C, H, W) float32 probabilities after the last iteration.

        Raises:
            ValueError: if shapes or dtypes do not fit, or probabilities are not finite.
            DeepLabError: if pydensecrf is not installed.
        """
        _check(image, probs)
        require_engine()
        from pydensecrf.densecrf import DenseCRF2D

        n_classes, height, width = probs.shape
        unary = -np.log(np.clip(probs, _LEAST_PROBABILITY, 1)).reshape(n_classes, -1)
        field = DenseCRF2D(width, height, n_classes)
        field.setUnaryEnergy(np.ascontiguousarray(unary, np.float32))
        field.addPairwiseGaussian(sxy=self.pos_xy_std, compat=self.pos_w)
        field.addPairwiseBilateral(
            sxy=self.bi_xy_std, srgb=self.bi_rgb_std, rgbim=np.ascontiguousarray(image), compat=self.bi_w
        )
        return np.array(field.inference(self.iter_max), np.float32).reshape(probs.shape)


def require_engine() -> None:
    """Raise DeepLabError unless the library behind `DenseCRF` is installed."""
    try:
        import pydensecrf.densecrf  # noqa: F401 -- an optional dependency
    except ImportError:
        raise DeepLabError("The CRF needs pydensecrf; install it with: pip install 'deeplab-platform[crf]'") from None


def _check(image: NDArray[np.uint8], probs: NDArray[np.float32]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"the image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
    if probs.dtype != np.float32 or probs.ndim != 3 or probs.shape[1:] != image.shape[:2]:
        raise ValueError(
            f"the probabilities must be (C, {image.shape[0]}, {image.shape[1]}) float32 like the image,"
            f" not {probs.shape} {probs.dtype}"
        )
    if not np.isfinite(probs).all():
        raise ValueError("the probabilities must be finite")
