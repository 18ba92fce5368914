"""Certainty and label quality, against arrays that hold all probs at once."""

import numpy as np
import pytest
import torch
from torch import Tensor

from deeplab.scores.certainty import CertaintyCount, certainty_of, label_probs
from deeplab.scores.image_scores import Certainty


def count_in_parts(scores: Tensor, label_map: Tensor, *, are_probs: bool, n_rows: int = 3) -> Certainty:
    count = CertaintyCount(len(scores), label_map)
    for top in range(0, label_map.shape[0], n_rows):
        for columns in (slice(0, 2), slice(2, None)):
            rows = slice(top, top + n_rows)
            part = scores[:, rows, columns].clone()
            count.add(rows, columns, part, part.max(dim=0), are_probs=are_probs)
    classes, pixels = np.unique(scores.argmax(dim=0).numpy(), return_counts=True)
    return certainty_of(count.sums().numpy(), dict(zip(classes.tolist(), pixels.tolist(), strict=True)))


def softmin(believed: np.ndarray) -> float:
    """As cleanlab defines it: sum(s * softmax((1 - s) / 0.1))."""
    shares = np.exp((1 - believed) / 0.1)
    return float((believed * shares / shares.sum()).sum())


def test_by_hand() -> None:
    probs = torch.tensor([[[0.9, 0.6, 0.2, 0.5]], [[0.1, 0.4, 0.8, 0.5]]])  # the last pixel is a tie, and ignored

    certainty = count_in_parts(probs, torch.tensor([[0, 1, 1, 255]], dtype=torch.uint8), are_probs=True)

    assert certainty.top == pytest.approx((0.9 + 0.6 + 0.8 + 0.5) / 4)
    assert certainty.top_by_class == {0: pytest.approx((0.9 + 0.6 + 0.5) / 3), 1: pytest.approx(0.8)}
    w = [np.exp(1), np.exp(6), np.exp(2)]  # of 0.9, 0.4 and 0.8
    assert certainty.label_quality == pytest.approx((0.9 * w[0] + 0.4 * w[1] + 0.8 * w[2]) / sum(w))
    assert certainty.label_quality_by_class == {
        0: pytest.approx(0.9),
        1: pytest.approx((0.4 * w[1] + 0.8 * w[2]) / (w[1] + w[2])),
    }


@pytest.mark.parametrize("are_probs", [False, True])
def test_parts_add_up_to_what_whole_arrays_say(are_probs: bool) -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 3, (5, 11, 7)).astype(np.float32))
    label_map = rng.choice([0, 1, 3, 255], (11, 7)).astype(np.uint8)
    probs = logits.softmax(dim=0)

    scores = probs if are_probs else logits
    certainty = count_in_parts(scores, torch.from_numpy(label_map), are_probs=are_probs)

    top, labels = probs.max(dim=0)
    believed = np.take_along_axis(probs.numpy(), label_map.clip(max=4)[None].astype(int), axis=0)[0].astype(float)
    assert certainty.top == pytest.approx(top.mean().item(), rel=1e-5)
    assert certainty.top_by_class == pytest.approx({i: top[labels == i].mean().item() for i in range(5)}, rel=1e-5)
    assert certainty.label_quality == pytest.approx(softmin(believed[label_map != 255]), rel=1e-5)
    expected = {i: softmin(believed[label_map == i]) for i in (0, 1, 3)}
    assert certainty.label_quality_by_class == pytest.approx(expected, rel=1e-5)


def test_without_ground_truth_there_is_no_label_quality() -> None:
    certainty = count_in_parts(torch.rand(3, 4, 4), torch.full((4, 4), 255, dtype=torch.uint8), are_probs=True)
    assert certainty.label_quality is None
    assert certainty.label_quality_by_class == {}


def test_probs_are_labelled_on_the_way() -> None:
    probs = torch.rand(4, 600, 700, generator=torch.Generator().manual_seed(0)).softmax(dim=0)  # of several strips
    label_map = torch.zeros(600, 700, dtype=torch.uint8)
    count = CertaintyCount(4, label_map, keeps_map=True)

    labels = label_probs(probs, count)

    assert torch.equal(labels.long(), probs.argmax(dim=0))
    assert torch.equal(count.confidence(), (probs.amax(dim=0) * 255).round().byte())
    assert count.sums()[0].sum().item() == pytest.approx(probs.amax(dim=0).double().sum().item())
    assert count.sums()[0, 2].item() == pytest.approx(probs.amax(dim=0)[labels == 2].double().sum().item())


@pytest.mark.gpu
def test_a_gpu_counts_the_same_and_is_not_waited_for() -> None:
    logits = torch.randn(5, 40, 50, generator=torch.Generator().manual_seed(0))
    label_map = torch.randint(0, 6, (40, 50), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    sums = []
    for device in ("cpu", "cuda"):
        there = logits.to(device, copy=True)
        count = CertaintyCount(5, label_map.to(device))
        torch.cuda.set_sync_debug_mode("error")
        try:
            count.add(slice(None), slice(None), there, there.max(dim=0), are_probs=False)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        sums.append(count.sums().cpu())
    torch.testing.assert_close(*sums)
