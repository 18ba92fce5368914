"""The dense CRF as the rest of the platform uses it."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.backends import Backend, build_engine
from deeplab.densecrf.checks import check_pair
from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.parameters import CrfParameters

if TYPE_CHECKING:
    from torch import Tensor

Labels = NDArray[np.uint8] | NDArray[np.int32]


class DenseCRF:
    """Mean-field inference in a fully connected CRF with Potts compatibility and two Gaussian kernels.

    The smoothness kernel is a Gaussian in position, the appearance kernel one in position and colour, both on the
    permutohedral lattice and normalised symmetrically: the answer of pydensecrf for `unary_from_softmax` (clipped at
    1e-5), `addPairwiseGaussian` and `addPairwiseBilateral`. An object may be used from several threads.

    Args:
        iter_max: mean-field steps, at least 0.
        pos_w: weight of the smoothness kernel. pos_xy_std: its standard deviation in pixels.
        bi_w: weight of the appearance kernel. bi_xy_std: its standard deviation in pixels.
        bi_rgb_std: its standard deviation in colour, 0..255.
        backend: "numba" (CPU), "torch" (GPU), "pydensecrf", or "auto": torch if there is a GPU, else numba.
        exact: let all classes take part in message passing. By default those that are unlikely in the whole image do
            not (see `deeplab.densecrf.pruning` and docs/crf.md for the rule and its bound); pydensecrf is always exact.
        n_threads: threads of the numba backend; all cores that the process may use by default.
        device: device of the torch backend, such as "cuda:1".

    Raises:
        CrfError: if a parameter is out of its range or the backend is not available.

    Source: P. Krähenbühl, V. Koltun, NIPS 2011; A. Adams, J. Baek, M. Davis, Eurographics 2010.
    """

    def __init__(
        self,
        iter_max: int,
        pos_w: float,
        pos_xy_std: float,
        bi_w: float,
        bi_xy_std: float,
        bi_rgb_std: float,
        *,
        backend: Backend = "auto",
        exact: bool = False,
        n_threads: int | None = None,
        device: str | None = None,
    ) -> None:
        self.parameters = CrfParameters(iter_max, pos_w, pos_xy_std, bi_w, bi_xy_std, bi_rgb_std)
        self.backend, self._engine = build_engine(backend, exact=exact, n_threads=n_threads, device=device)

    def with_parameters(self, parameters: CrfParameters) -> Self:
        """Return the same CRF with other parameters. The two share their memory, which idles between images."""
        other = copy.copy(self)
        other.parameters = parameters
        return other

    def __call__(self, image: NDArray[np.uint8], probs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute Q, what is believed after the last step.

        Args:
            image: (H, W, 3) uint8; the channels in one order for all images, as the lattice does not treat them alike.
            probs: (C, H, W) float32, for each pixel a distribution over the classes.

        Returns:
            (C, H, W) float32, for each pixel a distribution over the classes.

        Raises:
            CrfError: if an array is of another kind or size, a pixel's values are no distribution (their sum may be
                off by 1e-3), the image is too large for memory, or the deviations are too small for its size.
        """
        return self.batch([image], [probs])[0]

    def labels(self, image: NDArray[np.uint8], probs: NDArray[np.float32]) -> Labels:
        """Find the most likely class of each pixel after the last step, without laying out Q for all classes.

        Returns:
            (H, W), uint8 for up to 256 classes and int32 for more; the lowest of equally likely classes.

        Raises:
            CrfError: as for a call.
        """
        return self.batch_labels([image], [probs])[0]

    def batch(
        self, images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Compute Q of several images: at once on a GPU, an image for each core on CPUs. Sizes may differ.

        Raises:
            CrfError: as for a call, or if there are not as many images as probabilities.
        """
        return self._engine.marginals(self.parameters, *_check_batch(images, probs))

    def batch_labels(self, images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]) -> list[Labels]:
        """Find the label maps of several images, as `batch` and `labels`."""
        labels = self._engine.labels(self.parameters, *_check_batch(images, probs))
        return [part.astype(np.uint8) if len(p) <= 256 else part for part, p in zip(labels, probs, strict=True)]

    def images_at_once(self, n_pixels: int, n_classes: int) -> int:
        """Tell how many images of a size `batch` works on at a time: more of them only take memory."""
        return self._engine.images_at_once(n_pixels, n_classes)

    def infer(self, images: "Tensor", probs: "Tensor") -> "Tensor":
        """Compute Q of images that lie on the device of the torch backend, at once and without leaving it.

        Args:
            images: (N, H, W, 3) uint8.
            probs: (N, C, H, W) float32, a distribution for each pixel, which is not checked.

        Returns:
            (N, C, H, W) float32 on the same device.

        Raises:
            CrfError: if the backend is another one.
        """
        from deeplab.densecrf.gpu.engine import TorchEngine

        if not isinstance(self._engine, TorchEngine):
            raise CrfError(f"The {self.backend} backend takes arrays, not tensors; call the CRF instead.")
        return self._engine.infer(self.parameters, images, probs)


def _check_batch(
    images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float32]]]:
    if len(images) != len(probs):
        raise CrfError(f"There are {len(images)} images but probabilities for {len(probs)}.")
    pairs = [check_pair(image, p) for image, p in zip(images, probs, strict=True)]
    return [image for image, _ in pairs], [p for _, p in pairs]
