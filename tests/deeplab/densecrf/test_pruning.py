import numpy as np
import pytest

from deeplab.densecrf import DenseCRF
from deeplab.densecrf.pruning import RATIO, THRESHOLD
from tests.deeplab.densecrf.samples import VOC, Probs, distribution, model_answer, photograph


def with_class_at(probability: float, height: int = 30, width: int = 40) -> Probs:
    """Two likely classes, and a third that reaches this probability in one pixel."""
    probs = np.zeros((3, height, width), np.float32)
    probs[0], probs[1] = 0.75, 0.25
    probs[2, 7, 9] = probability
    probs[0, 7, 9] = 0.75 - probability
    return probs


def dropped(probs: Probs) -> bool:
    """Whether the default form differs from the exact one at all, which it does only if it drops classes."""
    image = photograph(*probs.shape[1:])
    return not np.array_equal(DenseCRF(*VOC)(image, probs), DenseCRF(*VOC, exact=True)(image, probs))


def test_threshold() -> None:
    assert dropped(with_class_at(0.9 * THRESHOLD))
    assert not dropped(with_class_at(1.1 * THRESHOLD))


def test_undecided_answers_over_many_classes_are_exact() -> None:
    probs = distribution(182, 20, 20, strength=0.05)
    assert probs.max() < THRESHOLD
    assert not dropped(probs)


def test_rivals_of_the_best_class_are_kept() -> None:
    n_classes = 400
    probs = np.full((n_classes, 10, 10), 1 / n_classes, np.float32)
    probs[0] += 0.5 / n_classes
    probs[1] -= 0.5 / n_classes
    assert probs[2].max() > RATIO * probs[0].max()
    assert not dropped(probs)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pos_xy_std", [1.0, 3.0])
def test_what_is_shared_out_keeps_the_answer(seed: int, pos_xy_std: float) -> None:
    settings = (10, 3.0, pos_xy_std, 4.0, 67.0, 3.0)
    image, probs = photograph(60, 80, seed), model_answer(182, 60, 80, seed)
    exact, default = DenseCRF(*settings, exact=True)(image, probs), DenseCRF(*settings)(image, probs)
    assert (probs.max(axis=(1, 2)) < THRESHOLD).sum() > 100
    assert np.abs(default - exact).max() < 2e-3
    assert np.array_equal(default.argmax(axis=0), exact.argmax(axis=0))
    assert np.allclose(default.sum(axis=0), 1, atol=1e-5)


def test_one_step_stays_within_its_bound() -> None:
    """Dropped classes that differ from pixel to pixel as much as they can: the worst case of the bound."""
    n_classes, size = 60, 24
    rng = np.random.default_rng(0)
    probs = np.zeros((n_classes, size, size), np.float32)
    probs[0], probs[1] = 0.72, 0.08
    holders = rng.integers(2, n_classes, (25, size, size))
    for layer in holders:
        np.put_along_axis(probs, layer[None], 0.008, axis=0)
    probs[0] += 1 - probs.sum(axis=0)
    step = (1, *VOC[1:])
    image = np.full((size, size, 3), 128, np.uint8)
    exact, default = DenseCRF(*step, exact=True)(image, probs), DenseCRF(*step)(image, probs)
    share = 1 - probs[:2].sum(axis=0).min()
    # The filters of ones come to a little more than one here and there; 1.5 covers it.
    assert np.abs(default - exact).max() <= share * (np.exp(1.5 * (VOC[1] + VOC[3]) * THRESHOLD) - 1)
    assert np.abs(default - exact).max() > 0
