import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deeplab.config import parse_config
from deeplab.crf import DenseCRF

pytest.importorskip("pydensecrf", reason="the optional pydensecrf is not installed")

VOC = DenseCRF(iter_max=10, pos_w=3, pos_xy_std=1, bi_w=4, bi_xy_std=67, bi_rgb_std=3)


def golden_probs(case: dict[str, Any]) -> NDArray[np.float32]:
    height, width, n_classes = case["height"], case["width"], case["classes"]
    rng = np.random.Generator(np.random.Philox(case["seed"]))
    low = rng.normal(0, 2, (n_classes, max(height // 16, 2), max(width // 16, 2))).astype(np.float32)
    resized = (Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in low)
    exponentials = np.exp(np.stack([np.asarray(plane) for plane in resized]))
    probs: NDArray[np.float32] = exponentials / exponentials.sum(axis=0)
    return probs


@pytest.mark.parametrize("index", [0, 1])
def test_equals_the_original(golden: Path, index: int) -> None:
    case = json.loads((golden / "crf.json").read_text())["cases"][index]
    expected = np.load(golden / "crf.npz")
    crf = DenseCRF(
        iter_max=case["iterations"],
        **{name: case[name] for name in ("pos_w", "pos_xy_std", "bi_w", "bi_xy_std", "bi_rgb_std")},
    )
    refined = crf(expected[f"image{index}"], golden_probs(case))
    assert np.abs(refined[:, ::7, ::7] - expected[f"q{index}"]).max() < 1e-4
    assert (refined.argmax(axis=0) == expected[f"label{index}"]).mean() > 0.9999


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_images_of_a_few_pixels(size: tuple[int, int]) -> None:
    probs = np.random.default_rng(0).dirichlet([1, 1, 1], size).transpose(2, 0, 1).astype(np.float32)
    refined = VOC(np.zeros((*size, 3), np.uint8), probs)
    assert refined.shape == (3, *size)
    assert np.allclose(refined.sum(axis=0), 1, atol=1e-4)


def test_follows_the_edge_of_the_image() -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    image[:, 20:] = 255
    probs = np.full((2, 30, 40), 0.5, np.float32)
    probs[1, :, 23:], probs[0, :, :17] = 0.9, 0.9  # six columns about the edge are undecided
    probs[0, :, 23:], probs[1, :, :17] = 0.1, 0.1
    assert np.array_equal(VOC(image, probs).argmax(axis=0), np.repeat([[0] * 20 + [1] * 20], 30, axis=0))


def test_unfit_arrays_are_refused() -> None:
    image, probs = np.zeros((4, 5, 3), np.uint8), np.full((2, 4, 5), 0.5, np.float32)
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8, not \(4, 5\) uint8"):
        VOC(image[..., 0], probs)
    with pytest.raises(ValueError, match=r"must be \(C, 4, 5\) float32 like the image, not \(2, 5, 4\) float32"):
        VOC(image, probs.transpose(0, 2, 1))
    with pytest.raises(ValueError, match="float64"):
        VOC(image, probs.astype(np.float64))
    probs[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        VOC(image, probs)


def test_comes_from_the_config() -> None:
    config = parse_config({"DATASET": {"N_CLASSES": 2}, "CRF": {"BI_XY_STD": 80}}, "test")
    assert DenseCRF.from_config(config.CRF) == DenseCRF(10, 3, 1, 4, 80, 3)


def test_says_what_to_install_where_it_is_missing() -> None:
    program = """
import sys
sys.modules["pydensecrf"] = None
from deeplab.crf import require_engine
from deeplab.errors import DeepLabError
try:
    require_engine()
except DeepLabError as error:
    print(error)
assert "torch" not in sys.modules
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "The CRF needs pydensecrf; install it with: pip install 'deeplab-platform[crf]'\n"
