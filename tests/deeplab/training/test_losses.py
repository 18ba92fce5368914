import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from deeplab.schema import Ohem
from deeplab.training.losses import keep_hard_pixels, multi_scale_loss, resize_labels


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


def random_case(n_classes: int = 3) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Logits at two scales, and labels of which the upper rows are ignored."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, n_classes, (2, 8, 8), generator=generator)
    labels[:, :3] = 255
    return [torch.randn(2, n_classes, side, side, generator=generator) for side in (8, 4)], labels


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 3.0, 1.0])])
def test_weights_and_smoothing_are_torch_s(weights: torch.Tensor | None, label_smoothing: float) -> None:
    outputs, labels = random_case()
    expected = 0.0
    for each in outputs:
        resized = resize_labels(labels, *each.shape[2:])
        expected += float(
            functional.cross_entropy(each, resized, weights, ignore_index=255, label_smoothing=label_smoothing)
        )
    loss = multi_scale_loss(outputs, labels, 255, weights=weights, label_smoothing=label_smoothing)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 3.0, 0.0])])
def test_the_losses_of_parts_sum_to_the_batch_s(weights: torch.Tensor | None) -> None:
    outputs, labels = random_case()
    counts: list[torch.Tensor] = []

    def remember(count: torch.Tensor) -> torch.Tensor:
        counts.append(count)
        return count

    multi_scale_loss(outputs, labels, 255, remember, weights=weights)

    parts = [
        multi_scale_loss(
            [each[i : i + 1] for each in outputs], labels[i : i + 1], 255, lambda _: counts[0], weights=weights
        )
        for i in (0, 1)
    ]
    whole = multi_scale_loss(outputs, labels, 255, weights=weights)
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-6)


def test_a_class_of_weight_0_is_ignored() -> None:
    outputs, labels = random_case()
    weights = torch.tensor([1.0, 0.0, 1.0])
    expected = multi_scale_loss(outputs, labels.masked_fill(labels == 1, 255), 255)
    assert float(multi_scale_loss(outputs, labels, 255, weights=weights)) == pytest.approx(float(expected), rel=1e-6)
    only_it = labels.masked_fill(labels != 1, 255)
    assert float(multi_scale_loss(outputs, only_it, 255, weights=weights, label_smoothing=0.1)) == 0


def test_labels_that_are_all_ignored_add_nothing() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = multi_scale_loss([logits], torch.full((1, 4, 4), 255), 255)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def true_probabilities(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    probabilities = logits.softmax(dim=1).gather(1, labels.clamp(max=2)[:, None])[:, 0]
    return probabilities.where(labels != 255, 2.0)


def test_hard_pixels_by_hand() -> None:
    outputs, labels = random_case()
    logits, n_labelled = outputs[0], int((labels != 255).sum())
    probabilities = true_probabilities(logits, labels)

    kept = keep_hard_pixels(logits, labels, 255, threshold=0.3, min_kept=0)
    assert torch.equal(kept, labels.masked_fill(probabilities >= 0.3, 255))

    share = 0.9  # more than are below the threshold
    kept = keep_hard_pixels(logits, labels, 255, threshold=0.3, min_kept=share)
    hardest = probabilities.flatten().sort().values[: math.ceil(share * n_labelled)]
    assert int((kept != 255).sum()) == len(hardest)
    assert float(true_probabilities(logits, kept)[kept != 255].max()) == pytest.approx(float(hardest[-1]))


def test_mining_is_a_mean_over_the_hard_pixels_of_each_scale() -> None:
    outputs, labels = random_case()
    ohem = Ohem(THRESHOLD=0.4, MIN_KEPT=0.1)
    weights = torch.tensor([0.5, 3.0, 1.0])
    expected = 0.0
    for each in outputs:
        resized = keep_hard_pixels(each, resize_labels(labels, *each.shape[2:]), 255, 0.4, 0.1)
        assert 0 < int((resized != 255).sum()) < int((labels != 255).sum())
        expected += float(functional.cross_entropy(each, resized, weights, ignore_index=255))
    assert float(multi_scale_loss(outputs, labels, 255, weights=weights, ohem=ohem)) == pytest.approx(
        expected, rel=1e-6
    )


def test_mining_without_hard_pixels_adds_nothing() -> None:
    logits = torch.zeros(1, 2, 2, 2)
    logits[:, 0] = 50
    loss = multi_scale_loss([logits], torch.zeros(1, 2, 2), 255, ohem=Ohem(THRESHOLD=0.5, MIN_KEPT=0))
    assert float(loss) == 0
    nothing = multi_scale_loss([logits], torch.full((1, 2, 2), 255), 255, ohem=Ohem(THRESHOLD=0.5, MIN_KEPT=1))
    assert float(nothing) == 0
    diverged = multi_scale_loss([logits * torch.nan], torch.zeros(1, 2, 2), 255, ohem=Ohem(THRESHOLD=0.5))
    assert diverged.isnan()
    alike = Ohem(THRESHOLD=0.5, MIN_KEPT=0.25)  # equals are kept together
    kept = multi_scale_loss([torch.zeros(1, 2, 2, 2)], torch.zeros(1, 2, 2), 255, ohem=alike)
    assert float(kept) == pytest.approx(math.log(2))
