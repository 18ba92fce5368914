"""Writes crf.npz, pydensecrf's answers for drawn pictures: `python -m tests.golden.draw_crf`."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.datasets.drawn.shapes import draw_scene
from tests.golden import GOLDEN


def main() -> None:
    cases = json.loads((GOLDEN / "crf.json").read_text())["cases"]
    arrays: dict[str, NDArray[Any]] = {}
    for index, case in enumerate(cases):
        image = picture(case)
        q = answer(image, probabilities(case), case)
        arrays |= {
            f"image{index}": image,
            f"q{index}": q[:, ::7, ::7],
            f"label{index}": q.argmax(axis=0).astype(np.uint8),
        }
    np.savez_compressed(GOLDEN / "crf.npz", allow_pickle=False, **arrays)


def picture(case: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Shapes, drawn at twice the size so that their grain is as fine as a photograph's."""
    rng = np.random.Generator(np.random.Philox(case["seed"]))
    scene = draw_scene(2 * case["width"], 2 * case["height"], case["height"], rng)
    image = Image.fromarray(scene.image).resize((case["width"], case["height"]), Image.Resampling.BICUBIC)
    return np.array(image)


def probabilities(case: Mapping[str, Any]) -> NDArray[np.float32]:
    """Undecided probabilities over all classes, (C, H, W)."""
    height, width, n_classes = case["height"], case["width"], case["classes"]
    rng = np.random.Generator(np.random.Philox(case["seed"]))
    low = rng.normal(0, 2, (n_classes, max(height // 16, 2), max(width // 16, 2))).astype(np.float32)
    planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in low]
    scores = np.stack([np.asarray(plane) for plane in planes])
    powers = np.exp(scores - scores.max(axis=0))
    probs: NDArray[np.float32] = powers / powers.sum(axis=0)
    return probs


def answer(image: NDArray[np.uint8], probs: NDArray[np.float32], case: Mapping[str, Any]) -> NDArray[np.float32]:
    """What pydensecrf computes, called as the original calls it; (C, H, W)."""
    from pydensecrf.densecrf import DenseCRF2D
    from pydensecrf.utils import unary_from_softmax

    crf = DenseCRF2D(case["width"], case["height"], case["classes"])
    crf.setUnaryEnergy(np.ascontiguousarray(unary_from_softmax(probs)))
    crf.addPairwiseGaussian(sxy=case["pos_xy_std"], compat=case["pos_w"])
    crf.addPairwiseBilateral(sxy=case["bi_xy_std"], srgb=case["bi_rgb_std"], rgbim=image, compat=case["bi_w"])
    return np.array(crf.inference(case["iterations"]), np.float32).reshape(probs.shape)


if __name__ == "__main__":
    main()
