"""The answers that pydensecrf gave once."""

import json
from typing import Any

import numpy as np
import pytest

from deeplab.densecrf import DenseCRF
from tests.deeplab.densecrf.samples import MAX_ERROR
from tests.golden import GOLDEN
from tests.golden.draw_crf import probabilities


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
    image, probs = golden[f"image{index}"], probabilities(case)
    q = crf(image, probs)
    assert np.abs(q[:, ::7, ::7] - golden[f"q{index}"]).max() <= MAX_ERROR
    assert np.array_equal(crf.labels(image, probs), golden[f"label{index}"])
    assert np.array_equal(q.argmax(axis=0), golden[f"label{index}"])
