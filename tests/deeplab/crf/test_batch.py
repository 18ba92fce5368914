import numpy as np
import pytest
import torch

from deeplab.crf.batch import refine_logits
from deeplab.crf.build import bgr, build_crf
from deeplab.densecrf import CrfError, DenseCRF
from deeplab.images.resize import resize_planes
from deeplab.schema import Crf

N_CLASSES, HEIGHT, WIDTH = 5, 24, 32


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(3)]


@pytest.fixture(scope="module")
def logits() -> list[torch.Tensor]:
    return list(torch.randn(3, N_CLASSES, 4, 5, generator=torch.Generator().manual_seed(0)))


def expected(crf: DenseCRF, image: np.ndarray, logits: torch.Tensor) -> np.ndarray:
    exponentials = np.exp(resize_planes(logits.numpy(), HEIGHT, WIDTH))
    return crf(bgr(image), exponentials / exponentials.sum(axis=0))


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_every_backend_refines_upsampled_probabilities(
    backend: str, images: list[np.ndarray], logits: list[torch.Tensor]
) -> None:
    crf = build_crf(Crf(BACKEND=backend), device="cpu")
    refined = list(refine_logits(crf, images, logits))
    assert len(refined) == 3
    for q, image, each in zip(refined, images, logits, strict=True):
        assert q.shape == (N_CLASSES, HEIGHT, WIDTH)
        np.testing.assert_allclose(q.numpy(), expected(build_crf(Crf(BACKEND="numba")), image, each), atol=1e-3)


def test_half_precision_is_enough(images: list[np.ndarray], logits: list[torch.Tensor]) -> None:
    crf = build_crf(Crf(BACKEND="numba"))
    (q,) = refine_logits(crf, images[:1], [logits[0].bfloat16()])
    assert (q.argmax(0).numpy() == expected(crf, images[0], logits[0]).argmax(axis=0)).mean() > 0.98


def test_probabilities_are_made_only_for_the_images_in_work(
    images: list[np.ndarray], logits: list[torch.Tensor]
) -> None:
    """The second image's logits are not fit, which nobody sees before its turn."""
    crf = build_crf(Crf(BACKEND="numba"), n_threads=1)
    refined = refine_logits(crf, images, [logits[0], torch.full_like(logits[1], torch.nan), logits[2]])
    assert next(refined).shape == (N_CLASSES, HEIGHT, WIDTH)
    with pytest.raises(CrfError, match="must lie in"):
        next(refined)


def test_no_image_is_no_work() -> None:
    assert list(refine_logits(build_crf(Crf(BACKEND="numba")), [], [])) == []
