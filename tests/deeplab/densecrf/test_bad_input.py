"""Whatever is wrong with the input, one sentence says so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeplab.densecrf import CrfError, DenseCRF
from deeplab.densecrf.checks import MAX_PIXELS
from deeplab.errors import DeepLabError
from tests.deeplab.densecrf.samples import VOC, distribution, photograph

NAMES = ("iter_max", "pos_w", "pos_xy_std", "bi_w", "bi_xy_std", "bi_rgb_std")
BACKENDS: list[Any] = ["numba", "torch", "pydensecrf"]


def voc_but(name: str, value: Any) -> Any:
    """The arguments of the VOC settings with one of them exchanged."""
    return {**dict(zip(NAMES, VOC, strict=True)), name: value}


@pytest.fixture(params=BACKENDS)
def crf(request: pytest.FixtureRequest) -> DenseCRF:
    if request.param == "pydensecrf":
        pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf is not installed")
    return DenseCRF(*VOC, backend=request.param, device="cpu")


def one_sentence(error: pytest.ExceptionInfo[CrfError]) -> str:
    text = str(error.value)
    assert isinstance(error.value, DeepLabError)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e300, "3", None, True])
def test_parameter(name: str, value: Any) -> None:
    with pytest.raises(CrfError) as error:
        DenseCRF(**voc_but(name, value))
    assert one_sentence(error).startswith(name)


@pytest.mark.parametrize("name", ["pos_xy_std", "bi_xy_std", "bi_rgb_std"])
@pytest.mark.parametrize("value", [0, 0.0, 1e-50])
def test_deviation_of_zero(name: str, value: float) -> None:
    with pytest.raises(CrfError, match=f"{name} must be a finite number above 0"):
        DenseCRF(**voc_but(name, value))


@pytest.mark.parametrize("value", [-1, 2.5, "10", None, True])
def test_iterations(value: Any) -> None:
    with pytest.raises(CrfError, match="iter_max must be a whole number of at least 0"):
        DenseCRF(value, *VOC[1:])


def test_numpy_numbers_are_numbers() -> None:
    crf = DenseCRF(np.int64(1), np.float32(3), np.float64(1), np.int32(4), np.float32(67), np.uint8(3))  # type: ignore[arg-type]
    assert crf(photograph(4, 5), distribution(3, 4, 5)).shape == (3, 4, 5)


@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_threads(value: Any) -> None:
    with pytest.raises(CrfError, match="n_threads must be a whole number of at least 1"):
        DenseCRF(*VOC, n_threads=value)


def test_backend() -> None:
    with pytest.raises(CrfError, match="'cuda' is not one of auto, numba, torch, pydensecrf"):
        DenseCRF(*VOC, backend="cuda")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "image",
    [
        None,
        [[[0, 0, 0]]],
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
    ],
)
def test_image(image: Any) -> None:
    with pytest.raises(CrfError, match=r"The image must be an \(H, W, 3\) array of uint8") as error:
        DenseCRF(*VOC)(image, distribution(3, 4, 5))
    one_sentence(error)


@pytest.mark.parametrize(
    "probs", [None, [0.5], distribution(3, 4, 5).astype(np.float64), distribution(3, 4, 5)[0], np.zeros((3, 4, 5), int)]
)
def test_probabilities(probs: Any) -> None:
    with pytest.raises(CrfError, match=r"The probabilities must be a \(C, H, W\) array of float32") as error:
        DenseCRF(*VOC)(photograph(4, 5), probs)
    one_sentence(error)


def test_no_pixels_and_no_classes() -> None:
    for shape in ((0, 4, 5), (3, 0, 5), (3, 4, 0)):
        with pytest.raises(CrfError, match="have no values"):
            DenseCRF(*VOC)(np.zeros((*shape[1:], 3), np.uint8), np.zeros(shape, np.float32))


def test_sizes_differ() -> None:
    with pytest.raises(CrfError, match="The image has 5x4 pixels but the probabilities 4x5"):
        DenseCRF(*VOC)(photograph(4, 5), distribution(3, 5, 4))


def test_counts_differ() -> None:
    with pytest.raises(CrfError, match="There are 2 images but probabilities for 1"):
        DenseCRF(*VOC).batch([photograph(4, 5)] * 2, [distribution(3, 4, 5)])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, "class 1 at the pixel in row 2, column 3 is nan"),
        (np.inf, "class 1 at the pixel in row 2, column 3 is inf"),
        (-np.inf, "class 1 at the pixel in row 2, column 3 is -inf"),
        (-0.1, "class 1 at the pixel in row 2, column 3 is -0.1"),
        (5.0, "row 2, column 3 sum to 5"),
    ],
)
def test_values(crf: DenseCRF, value: float, reason: str) -> None:
    probs = distribution(3, 4, 5)
    probs[1, 2, 3] = value
    for ask in (crf, crf.labels):
        with pytest.raises(CrfError, match=reason) as error:
            ask(photograph(4, 5), probs)
        one_sentence(error)


def test_scores_in_place_of_probabilities(crf: DenseCRF) -> None:
    with pytest.raises(CrfError, match="row 0, column 0 sum to 0, not to 1; apply softmax first"):
        crf(photograph(4, 5), np.zeros((3, 4, 5), np.float32))


def test_the_sum_may_be_rounded(crf: DenseCRF) -> None:
    probs = distribution(3, 4, 5).astype(np.float16).astype(np.float32)
    assert np.allclose(crf(photograph(4, 5), probs).sum(axis=0), 1, atol=1e-5)


def test_too_many_pixels() -> None:
    # Views of one value: the pixels are counted before any is read.
    image = np.broadcast_to(np.uint8(0), (10_000, 10_000, 3))
    probs = np.broadcast_to(np.float32(0.5), (2, 10_000, 10_000))
    with pytest.raises(
        CrfError, match=f"10000x10000 pixels is too large.*at most {MAX_PIXELS:,} pixels; cut it"
    ) as error:
        DenseCRF(*VOC)(image, probs)
    one_sentence(error)


@pytest.mark.parametrize("backend", BACKENDS[:2])
@pytest.mark.parametrize("name", ["pos_xy_std", "bi_xy_std", "bi_rgb_std"])
def test_deviations_too_small_for_keys(backend: Any, name: str) -> None:
    crf = DenseCRF(**voc_but(name, 1e-5), backend=backend, device="cpu")
    with pytest.raises(CrfError, match="standard deviations are too small") as error:
        crf(photograph(40, 50), distribution(3, 40, 50))
    one_sentence(error)


@pytest.mark.parametrize("backend", BACKENDS[:2])
@pytest.mark.parametrize("scale", [0.1, 1e6])
def test_extreme_deviations_stay_distributions(backend: Any, scale: float) -> None:
    q = DenseCRF(3, 3, scale, 4, scale, scale, backend=backend, device="cpu")(photograph(9, 14), distribution(4, 9, 14))
    assert np.allclose(q.sum(axis=0), 1, atol=1e-5)
    assert q.min() >= 0


@pytest.mark.parametrize("weight", [50.0, 1e4, 1e30])
def test_huge_weights_stay_distributions(crf: DenseCRF, weight: float) -> None:
    if crf.backend == "pydensecrf" and weight > 1e4:
        return
    q = DenseCRF(3, weight, 1, weight, 67, 3, backend=crf.backend, device="cpu")(  # type: ignore[arg-type]
        photograph(9, 14), distribution(4, 9, 14)
    )
    assert np.isfinite(q).all()
    assert np.allclose(q.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("n_iterations", [0, 1, 10])
def test_one_class_has_all_of_every_pixel(crf: DenseCRF, n_iterations: int) -> None:
    certain = DenseCRF(n_iterations, *VOC[1:], backend=crf.backend, device="cpu")  # type: ignore[arg-type]
    probs = np.ones((1, 6, 7), np.float32)
    assert np.allclose(certain(photograph(6, 7), probs), 1, atol=1e-6)
    assert not certain.labels(photograph(6, 7), probs).any()


def test_inputs_of_any_memory_layout(crf: DenseCRF, tmp_path: Path) -> None:
    image, probs = photograph(12, 9), distribution(3, 12, 9)
    expected = crf(image, probs)
    np.save(tmp_path / "probs.npy", probs)
    mapped = np.load(tmp_path / "probs.npy", mmap_mode="r")
    frozen = image.copy()
    frozen.flags.writeable = False
    turned = np.asfortranarray(probs)
    assert np.array_equal(crf(frozen, np.asarray(mapped)), expected)
    assert np.array_equal(crf(image[::-1][::-1], turned), expected)
    assert np.array_equal(image, photograph(12, 9))
    assert np.array_equal(probs, distribution(3, 12, 9))
