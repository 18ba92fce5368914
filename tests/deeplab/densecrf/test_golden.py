"""The answers that pydensecrf gave once, on real photographs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.densecrf import DenseCRF
from tests.deeplab.densecrf.samples import MAX_ERROR, Probs, softmax

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"

pytestmark = pytest.mark.skipif(not (GOLDEN / "crf.npz").exists(), reason="shared/golden/crf.npz is not there")


def recipe(case: dict[str, Any]) -> Probs:
    height, width, n_classes = case["height"], case["width"], case["classes"]
    rng = np.random.Generator(np.random.Philox(case["seed"]))
    low = rng.normal(0, 2, (n_classes, max(height // 16, 2), max(width // 16, 2))).astype(np.float32)
    planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in low]
    return softmax(np.stack([np.asarray(plane) for plane in planes]))


@pytest.mark.parametrize(
    ("backend", "exact"), [("numba", True), ("numba", False), ("torch", True), ("pydensecrf", True)]
)
@pytest.mark.parametrize("index", [0, 1])
def test_golden(index: int, backend: Any, exact: bool) -> None:
    if backend == "pydensecrf":
        pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf is not installed")
    case = json.loads((GOLDEN / "crf.json").read_text())["cases"][index]
    golden = np.load(GOLDEN / "crf.npz")
    crf = DenseCRF(
        case["iterations"],
        case["pos_w"],
        case["pos_xy_std"],
        case["bi_w"],
        case["bi_xy_std"],
        case["bi_rgb_std"],
        backend=backend,
        exact=exact,
        device="cpu",
    )
    image, probs = golden[f"image{index}"], recipe(case)
    q = crf(image, probs)
    assert np.abs(q[:, ::7, ::7] - golden[f"q{index}"]).max() <= MAX_ERROR
    assert np.array_equal(crf.labels(image, probs), golden[f"label{index}"])
    assert np.array_equal(q.argmax(axis=0), golden[f"label{index}"])
