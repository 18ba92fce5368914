from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from deeplab.images.raster import LoadedRaster
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import Stopped
from tests.deeplab.inference.conftest import tiny_config, tiny_segmenter
from tests.deeplab.inference.test_segmenter import random_image


class Pooled(nn.Module):
    """Logits of a stride of 4: the channels, averaged, plus what `added` adds to a window."""

    def __init__(self, added: Callable[[Tensor], Tensor] = torch.zeros_like) -> None:
        super().__init__()
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        pooled = functional.avg_pool2d(x, 4)
        return pooled + self.added(pooled)


def sliding(model: nn.Module, **inference: object) -> Segmenter:
    keys = {"MODE": "slide", "WINDOW": 32, "STRIDE": 20, **inference}
    return Segmenter(model, tiny_config(DATASET={"N_CLASSES": 3}, INFERENCE=keys), ["a", "b", "c"], "cpu")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 30), (64, 64), (64, 10), (63, 64)])
@pytest.mark.parametrize("views", [{}, {"SCALES": [0.5, 1.0], "FLIP": True}])
def test_one_window_is_the_whole_image(height: int, width: int, views: dict[str, object]) -> None:
    image = random_image(height, width)
    (whole,) = tiny_segmenter(INFERENCE=views).predict([image])
    (slide,) = tiny_segmenter(INFERENCE={"MODE": "slide", "WINDOW": 64, **views}).predict([image])
    assert np.array_equal(slide, whole)


@pytest.mark.parametrize(("height", "width"), [(33, 33), (32, 200), (150, 90), (20, 100), (77, 33)])
@pytest.mark.parametrize("blend", ["gaussian", "flat"])
def test_pixelwise_logits_are_the_same_through_any_windows(height: int, width: int, blend: str) -> None:
    class Pixelwise(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    image = random_image(height, width)
    expected = image[..., ::-1].astype(np.float32) - np.array([104.008, 116.669, 122.675], np.float32)
    prediction = sliding(Pixelwise(), BLEND=blend).predictions([image])[0]
    np.testing.assert_allclose(prediction.logits().permute(1, 2, 0).numpy(), expected, rtol=1e-4, atol=1e-3)
    (labels,) = sliding(Pixelwise(), BLEND=blend).predict([image])
    assert np.array_equal(labels, expected.argmax(axis=2))


@pytest.mark.parametrize("kept", [1, 50_000, 2**29])
def test_blocks_add_up_to_what_whole_arrays_would(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """By hand: each window's logits enlarged, weighed and added to full arrays."""
    monkeypatch.setattr("deeplab.inference.slide._KEPT_BYTES", kept)
    image, segmenter = random_image(90, 120), tiny_segmenter(INFERENCE={"MODE": "slide", "WINDOW": 32, "STRIDE": 20})
    total, weights = torch.zeros(4, 90, 120), torch.zeros(90, 120)
    distance = (torch.arange(32) + 0.5) / 32 - 0.5
    line = torch.exp(-0.5 * (distance * 8) ** 2)
    weight = line[:, None] * line
    for top in (0, 20, 40, 58):
        for left in (0, 20, 40, 60, 80, 88):
            window = np.ascontiguousarray(image[top : top + 32, left : left + 32])
            logits = functional.interpolate(segmenter.logits([window]), size=(32, 32), mode="bilinear")[0]
            total[:, top : top + 32, left : left + 32] += weight * logits
            weights[top : top + 32, left : left + 32] += weight
    torch.testing.assert_close(segmenter.predictions([image])[0].logits(), total / weights, rtol=1e-4, atol=1e-3)
    (labels,) = segmenter.predict([image])
    assert (labels == (total / weights).argmax(dim=0).numpy()).mean() > 0.999


def test_what_a_window_adds_to_all_classes_changes_nothing() -> None:
    plain = sliding(Pooled())
    shifted = sliding(Pooled(lambda x: 100 * x.mean(dim=(1, 2, 3), keepdim=True).sin().expand_as(x)))
    image = random_image(100, 70)
    assert (plain.predict([image])[0] == shifted.predict([image])[0]).mean() > 0.999


def test_gaussian_weights_hide_what_happens_at_the_borders_of_windows() -> None:
    """A convolution that sees zeros beyond a window's border, as real models do."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 3, 9, padding=4, bias=False)
    image = random_image(200, 200)
    with torch.no_grad():
        x = torch.from_numpy(image[..., ::-1].astype(np.float32) - np.array([104.008, 116.669, 122.675], np.float32))
        truth = convolution(x.permute(2, 0, 1)[None])[0]
    errors = {
        blend: (sliding(convolution, WINDOW=48, STRIDE=32, BLEND=blend).predictions([image])[0].logits() - truth)
        .abs()[:, 8:-8, 8:-8]
        .mean()
        for blend in ("gaussian", "flat")
    }
    assert errors["gaussian"] < errors["flat"] / 2


def test_views_of_windows_are_averaged() -> None:
    image = random_image(70, 90)
    once = sliding(Pooled()).predict([image])[0]
    twice = sliding(Pooled(), FLIP=True)  # averaging is symmetric, so a mirror image says the same
    assert (twice.predict([image])[0] == once).mean() > 0.95
    logits = twice.predictions([image])[0].logits()
    torch.testing.assert_close(logits.exp().sum(dim=0), torch.ones(70, 90), rtol=1e-4, atol=1e-4)


def test_a_large_image_can_be_stopped_between_rows_of_windows() -> None:
    calls = 0

    def tick() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Stopped

    with pytest.raises(Stopped):
        sliding(Pooled()).label_source(LoadedRaster(random_image(200, 40)), tick)
