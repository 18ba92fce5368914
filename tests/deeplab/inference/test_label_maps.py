import numpy as np
import pytest
import torch
from torch.nn import functional

from deeplab.inference.label_maps import count_classes, label_map_of


def test_best_class_of_bilinear_upsampling() -> None:
    # By hand: 0 and 8 at distance 1 cross the constant 3 at 3/8 of the way; four times as long, the new centres lie at
    # 0 (clamped), 0 (clamped), 1/8, 3/8, 5/8, 7/8, 1, 1 of it.
    logits = torch.tensor([[[3.0, 3.0]], [[0.0, 8.0]]])
    assert label_map_of(logits, 1, 8).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]  # a tie at 3/8 goes to the first class


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (97, 131), (300, 40)])
def test_strips_change_nothing_and_torch_agrees(height: int, width: int) -> None:
    logits = torch.randn(5, 13, 17, generator=torch.Generator().manual_seed(0))
    whole = label_map_of(logits, height, width, strip=2**30)
    for strip in (1, 1000, 5 * 7 * width):
        assert np.array_equal(label_map_of(logits, height, width, strip=strip), whole)
    direct = functional.interpolate(logits[None], size=(height, width), mode="bilinear", align_corners=False)[0]
    assert whole.dtype == np.uint8
    assert (whole == direct.argmax(dim=0).numpy()).mean() > 0.999


def test_pixels_are_counted_by_class() -> None:
    assert count_classes(np.array([[0, 2, 2], [255, 2, 0]], np.uint8)) == {0: 2, 2: 3, 255: 1}
