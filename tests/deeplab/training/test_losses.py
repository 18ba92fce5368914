import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from deeplab.training.losses import multi_scale_loss, resize_labels


@pytest.mark.parametrize("size", [(13, 13), (7, 10), (97, 97), (120, 31), (1, 1)])
def test_labels_are_resized_as_pillow_does(size: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).integers(0, 256, (2, 97, 65)).astype(np.uint8)
    height, width = size

    resized = resize_labels(torch.from_numpy(labels), height, width)

    expected = [
        np.asarray(Image.fromarray(each.astype(np.float32)).resize((width, height), Image.Resampling.NEAREST))
        for each in labels
    ]
    assert resized.dtype == torch.int64
    assert np.array_equal(resized.numpy(), np.stack(expected))


def test_the_loss_is_the_sum_of_mean_cross_entropies() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 8, 8), generator=generator)
    labels[:, :3] = 255
    outputs = [torch.randn(2, 3, side, side, generator=generator) for side in (8, 4)]

    loss = multi_scale_loss(outputs, labels.to(torch.uint8), 255)

    half = resize_labels(labels, 4, 4)
    expected = sum(
        functional.cross_entropy(o, t, ignore_index=255) for o, t in zip(outputs, (labels, half), strict=True)
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)


def test_two_pixels_by_hand() -> None:
    logits = torch.tensor([[[[0.0, 2.0, 9.0]], [[0.0, 0.0, 0.0]]]])  # (1, 2, 1, 3)
    loss = multi_scale_loss([logits], torch.tensor([[[0, 1, 255]]]), 255)
    assert float(loss) == pytest.approx((np.log(2) + np.log(1 + np.exp(2))) / 2)


def test_labels_that_are_all_ignored_add_nothing() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = multi_scale_loss([logits], torch.full((1, 4, 4), 255), 255)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()
