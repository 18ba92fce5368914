"""Run pydensecrf, the implementation that tests compare the engines with, as one of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.checks import SUM_TOLERANCE, no_distribution
from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.parameters import CrfParameters

try:
    from pydensecrf.densecrf import DenseCRF2D
    from pydensecrf.utils import unary_from_softmax
except ImportError as error:
    raise CrfError("The pydensecrf backend is not installed; install 'deeplab-platform[pydensecrf]'.") from error


class ReferenceEngine:
    """Runs pydensecrf, one image after the other on one core."""

    def marginals(
        self, parameters: CrfParameters, images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Compute Q of each image, (C, H, W) float32."""
        return [_infer(parameters, image, p) for image, p in zip(images, probs, strict=True)]

    def labels(
        self, parameters: CrfParameters, images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.int32]]:
        """Find the most likely class of each pixel of each image, (H, W) int32."""
        return [q.argmax(0).astype(np.int32) for q in self.marginals(parameters, images, probs)]

    def images_at_once(self, n_pixels: int, n_classes: int) -> int:
        """Return one."""
        return 1


def _infer(parameters: CrfParameters, image: NDArray[np.uint8], probs: NDArray[np.float32]) -> NDArray[np.float32]:
    _check(probs)
    n_classes, height, width = probs.shape
    crf = DenseCRF2D(width, height, n_classes)
    crf.setUnaryEnergy(np.ascontiguousarray(unary_from_softmax(probs)))
    crf.addPairwiseGaussian(sxy=parameters.pos_xy_std, compat=parameters.pos_w)
    writable = image if image.flags.writeable else image.copy()  # its binding takes no other
    crf.addPairwiseBilateral(
        sxy=parameters.bi_xy_std, srgb=parameters.bi_rgb_std, rgbim=writable, compat=parameters.bi_w
    )
    q = np.array(crf.inference(parameters.iter_max), np.float32)
    return q.reshape(n_classes, height, width)


def _check(probs: NDArray[np.float32]) -> None:
    valid = (np.abs(probs.sum(0) - 1) <= SUM_TOLERANCE) & (probs.min(0) >= 0)
    if not valid.all():
        raise no_distribution(probs, int(np.flatnonzero(~valid)[0]))
