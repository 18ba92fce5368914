"""The engine against pydensecrf on whatever hypothesis comes up with."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from deeplab.densecrf import DenseCRF
from tests.deeplab.densecrf.samples import (
    MAX_ERROR,
    VOC,
    Parameters,
    Pixels,
    Probs,
    assert_same_labels,
    distribution,
    model_answer,
    photograph,
    reference,
)

# Weights above these make the iteration itself unstable: it multiplies every rounding, the reference's own too.
parameters = st.tuples(
    st.integers(0, 10),
    st.sampled_from([0.0, 1.0, 3.0, 4.5]),
    st.sampled_from([1.0, 1.0, 0.7, 2.0, 3.0, 7.5]),
    st.sampled_from([0.0, 2.0, 4.0, 5.0]),
    st.sampled_from([10.0, 40.0, 67.0, 121.0]),
    st.sampled_from([3.0, 5.0, 13.0, 40.0]),
)
seeds = st.integers(0, 2**31)


@st.composite
def images(draw: Any, max_height: int, max_width: int) -> Pixels:
    height, width = draw(st.integers(1, max_height)), draw(st.integers(1, max_width))
    kind, seed = draw(st.sampled_from(["photograph", "noise", "flat", "dark"])), draw(seeds)
    if kind == "noise":
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    if kind == "flat":
        return np.full((height, width, 3), seed % 256, np.uint8)
    image = photograph(height, width, seed, noise=draw(st.sampled_from([0.0, 3.0, 10.0])))
    return image // 16 if kind == "dark" else image  # near black, where the reference's filling pixels lie


def probabilities(draw: Any, image: NDArray[Any], n_classes: int) -> Probs:
    height, width = image.shape[:2]
    if draw(st.booleans()):
        return model_answer(n_classes, height, width, draw(seeds), n_present=min(6, n_classes))
    strength, cell = draw(st.sampled_from([0.1, 2.0, 8.0])), draw(st.sampled_from([1, 4, 16, 64]))
    return distribution(n_classes, height, width, draw(seeds), strength, cell)


def compare(draw: Any, image: Pixels, n_classes: int, settings_: Parameters) -> None:
    probs = probabilities(draw, image, n_classes)
    expected = reference(image, probs, settings_)
    q = DenseCRF(*settings_, backend="numba", exact=True)(image, probs)
    assert np.abs(q - expected).max() <= MAX_ERROR
    assert_same_labels(q.argmax(axis=0), expected)
    labels = DenseCRF(*settings_, backend="numba", exact=True).labels(image, probs)
    assert (labels != expected.argmax(axis=0)).sum() <= 1e-5 * labels.size + 1
    labels = DenseCRF(*settings_, backend="numba").labels(image, probs)
    assert (labels != expected.argmax(axis=0)).sum() <= 1e-4 * labels.size + 1


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), images(60, 60), st.integers(2, 40), parameters)
def test_small_images(data: Any, image: Pixels, n_classes: int, settings_: Parameters) -> None:
    compare(data.draw, image, n_classes, settings_)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data(), images(500, 700), st.sampled_from([2, 7, 21, 40, 66, 182]), parameters)
def test_images_of_all_sizes(data: Any, image: Pixels, n_classes: int, settings_: Parameters) -> None:
    if image.size * n_classes > 3e7:
        n_classes = 8
    compare(data.draw, image, n_classes, settings_)


@pytest.mark.parametrize(
    ("height", "width", "n_classes"),
    [(1, 1, 2), (1, 1, 182), (1, 64, 5), (64, 1, 5), (2, 3, 33), (17, 31, 182), (120, 161, 21)],
)
@pytest.mark.parametrize("pos_xy_std", [1.0, 3.0])
def test_odd_sizes(height: int, width: int, n_classes: int, pos_xy_std: float) -> None:
    settings_ = (5, 3.0, pos_xy_std, 4.0, 67.0, 3.0)
    image, probs = photograph(height, width), distribution(n_classes, height, width)
    expected = reference(image, probs, settings_)
    q = DenseCRF(*settings_, backend="numba", exact=True)(image, probs)
    assert np.abs(q - expected).max() <= MAX_ERROR
    assert_same_labels(q.argmax(axis=0), expected)


def test_unlikely_classes_are_dropped_without_harm() -> None:
    image, probs = photograph(90, 120), model_answer(182, 90, 120)
    expected = reference(image, probs, VOC)
    q = DenseCRF(*VOC, backend="numba")(image, probs)
    assert (probs.max(axis=(1, 2)) < 1e-2).sum() > 150
    assert np.abs(q - expected).max() <= 1e-3
    assert np.array_equal(q.argmax(axis=0), expected.argmax(axis=0))


@pytest.mark.slow
def test_the_largest_image_of_the_range() -> None:
    image, probs = photograph(500, 700), distribution(21, 500, 700)
    expected = reference(image, probs, VOC)
    q = DenseCRF(*VOC, backend="numba", exact=True)(image, probs)
    assert np.abs(q - expected).max() <= MAX_ERROR
    assert (q.argmax(axis=0) == expected.argmax(axis=0)).mean() >= 0.99999
