"""The torch engine on the CPU, and on a GPU where there is one."""

from typing import Any

import numpy as np
import pytest
import torch

from deeplab.densecrf import CrfError, DenseCRF
from deeplab.densecrf.gpu.engine import TorchEngine
from deeplab.densecrf.parameters import CrfParameters
from tests.deeplab.densecrf.samples import MAX_ERROR, VOC, distribution, model_answer, photograph

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")],
    ),
]
SIZES = [(1, 1), (1, 9), (13, 1), (20, 31), (33, 22)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pos_xy_std", [1.0, 3.0])
def test_same_answer_as_the_numba_engine(device: str, size: tuple[int, int], pos_xy_std: float) -> None:
    settings = (6, 3.0, pos_xy_std, 4.0, 67.0, 3.0)
    image = photograph(*size)
    for probs in (distribution(7, *size), model_answer(70, *size)):
        for exact in (True, False):
            expected = DenseCRF(*settings, backend="numba", exact=exact)
            crf = DenseCRF(*settings, backend="torch", exact=exact, device=device)
            assert np.abs(crf(image, probs) - expected(image, probs)).max() <= MAX_ERROR
            assert np.array_equal(crf.labels(image, probs), expected.labels(image, probs))


@pytest.mark.parametrize("device", DEVICES)
def test_batch_of_all_sizes(device: str) -> None:
    images = [photograph(*size, seed) for seed, size in enumerate(SIZES)]
    probs = [distribution(5, *size, seed) for seed, size in enumerate(SIZES)]
    crf = DenseCRF(*VOC, backend="torch", device=device)
    for image, p, q, labels in zip(
        images, probs, crf.batch(images, probs), crf.batch_labels(images, probs), strict=True
    ):
        assert q.shape == p.shape
        assert np.abs(q - DenseCRF(*VOC)(image, p)).max() <= MAX_ERROR
        assert np.array_equal(labels, q.argmax(axis=0))
    assert crf.batch([], []) == []


@pytest.mark.parametrize("device", DEVICES)
def test_images_of_a_batch_do_not_touch_each_other(device: str) -> None:
    images = np.stack([photograph(15, 18, seed) for seed in range(3)])
    probs = np.stack([distribution(4, 15, 18, seed) for seed in range(3)])
    engine = TorchEngine(device, exact=True)
    q = engine.infer(CrfParameters(*VOC), torch.from_numpy(images).to(device), torch.from_numpy(probs).to(device))
    assert q.device.type == device
    assert q.shape == probs.shape
    for image, p, answer in zip(images, probs, q.cpu().numpy(), strict=True):
        assert np.abs(answer - DenseCRF(*VOC, exact=True)(image, p)).max() <= MAX_ERROR


@pytest.mark.parametrize("device", DEVICES)
def test_numbers_of_classes_may_differ(device: str) -> None:
    images, probs = [photograph(9, 8)] * 3, [distribution(n, 9, 8) for n in (3, 3, 40)]
    answers = DenseCRF(*VOC, backend="torch", device=device).batch(images, probs)
    assert [len(q) for q in answers] == [3, 3, 40]


@pytest.mark.parametrize("device", DEVICES)
def test_the_bad_image_of_a_batch_is_found(device: str) -> None:
    probs = [distribution(3, 4, 5) for _ in range(3)]
    probs[2][1, 3, 4] = np.nan
    with pytest.raises(CrfError, match="class 1 at the pixel in row 3, column 4 is nan"):
        DenseCRF(*VOC, backend="torch", device=device).batch([photograph(4, 5)] * 3, probs)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("exact", [True, False])
def test_an_image_of_usual_size(device: str, exact: bool) -> None:
    image, probs = photograph(120, 160), model_answer(21, 120, 160)
    settings: Any = (3, *VOC[1:])
    q = DenseCRF(*settings, backend="torch", exact=exact, device=device)(image, probs)
    assert np.abs(q - DenseCRF(*settings, backend="numba", exact=exact)(image, probs)).max() <= MAX_ERROR


def test_a_device_that_is_none() -> None:
    with pytest.raises(CrfError, match="'gpu' is not a device of torch"):
        DenseCRF(*VOC, backend="torch", device="gpu")
