import json

import numpy as np
import pytest
import torch

from deeplab.scores.metrics import ConfusionMatrix
from tests.golden import GOLDEN
from tests.golden.fill import label_maps


def test_scores_by_hand() -> None:
    matrix = ConfusionMatrix(4)
    matrix.update(np.array([[0, 0, 0, 1], [1, 255, 255, 0]]), np.array([[0, 0, 2, 1], [0, 3, 1, 0]]))

    scores = matrix.scores()

    # class 0: 3 of 4 hit, 1 false alarm; class 1: 1 of 2 hit; class 2: one false alarm; class 3 nowhere
    assert scores["pixel_accuracy"] == pytest.approx(4 / 6)
    assert scores["mean_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert scores["class_iou"] == pytest.approx([3 / 5, 1 / 2, 0, np.nan], nan_ok=True)
    assert scores["mean_iou"] == pytest.approx((3 / 5 + 1 / 2) / 2)
    assert scores["frequency_weighted_iou"] == pytest.approx(4 / 6 * 3 / 5 + 2 / 6 * 1 / 2)
    assert scores["n_images"] == 1
    assert scores.confusion.tolist() == [[3, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_parts_add_up_whatever_they_come_as() -> None:
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 3, (4, 5, 6)).astype(np.uint8), rng.integers(0, 3, (4, 5, 6))
    whole, parts = ConfusionMatrix(3), ConfusionMatrix(3)

    whole.update(labels, predictions)
    for one, other in zip(labels, predictions, strict=True):
        parts.update(torch.from_numpy(one), torch.from_numpy(other))

    assert np.array_equal(whole.counts(), parts.counts())
    assert dict(whole.scores()) == dict(parts.scores())


def test_an_update_returns_what_it_adds_with_what_is_no_class() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update([[0]], [[1]])
    added = matrix.update([[0, 1, 1, 255]], [[0, 0, 0, 1]])
    assert added.tolist() == [[1, 0, 0], [2, 0, 0], [0, 1, 0]]
    assert matrix.counts().tolist() == [[1, 1], [2, 0]]


def test_scores_are_json() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update([[0]], [[0]])
    text = json.dumps(matrix.scores().as_json(), allow_nan=False)
    assert json.loads(text)["class_iou"] == [1.0, None]


def test_nothing_counted() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update([[255]], [[0]])
    with pytest.raises(ValueError, match="no pixel was counted"):
        matrix.scores()


def test_shapes_and_classes_must_fit() -> None:
    matrix = ConfusionMatrix(2)
    with pytest.raises(ValueError, match=r"labels have shape \(1, 2\), predictions \(1, 1\)"):
        matrix.update([[0, 1]], [[0]])
    with pytest.raises(ValueError, match="predictions must be classes below 2"):
        matrix.update([[0, 1]], [[0, 2]])
    assert not matrix.counts().any()


def test_golden_scores() -> None:
    case = json.loads((GOLDEN / "scores.json").read_text())
    n_classes = case["n_classes"]

    matrix = ConfusionMatrix(n_classes)
    matrix.update(*label_maps(case))
    scores, theirs = matrix.scores(), case["scores"]

    for ours, name in {
        "pixel_accuracy": "Pixel Accuracy",
        "mean_accuracy": "Mean Accuracy",
        "mean_iou": "Mean IoU",
        "frequency_weighted_iou": "Frequency Weighted IoU",
    }.items():
        assert scores[ours] == pytest.approx(theirs[name], rel=1e-12)
    assert scores["class_iou"] == pytest.approx([theirs["Class IoU"][str(i)] for i in range(n_classes)], rel=1e-12)


def test_counts_of_another_matrix_are_added() -> None:
    labels, predictions = np.array([[0, 1], [1, 255]]), np.array([[0, 1], [0, 0]])
    whole, part = ConfusionMatrix(2), ConfusionMatrix(2)
    for _ in range(2):
        whole.update(labels, predictions)
    part.update(labels, predictions)
    part.add(part.counts(), n_images=1)
    assert part.counts().tolist() == [[2, 0], [2, 2]]
    assert part.scores().as_json() == whole.scores().as_json()


@pytest.mark.gpu
def test_a_gpu_counts_the_same_and_is_not_waited_for() -> None:
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.choice([0, 1, 2, 255], (2, 50, 60)))
    predictions = torch.from_numpy(rng.integers(0, 3, (2, 50, 60)))
    on_cpu, on_gpu = ConfusionMatrix(3), ConfusionMatrix(3, "cuda")
    on_cpu.update(labels, predictions)
    there = labels.cuda(), predictions.cuda()

    torch.cuda.set_sync_debug_mode("error")
    try:
        on_gpu.update(*there)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert np.array_equal(on_gpu.counts(), on_cpu.counts())
    on_gpu.update(torch.zeros(1, 1).cuda(), torch.full((1, 1), 3).cuda())
    with pytest.raises(ValueError, match="predictions must be classes below 3"):
        on_gpu.counts()
