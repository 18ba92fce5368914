import json
from pathlib import Path

import numpy as np
import pytest

from deeplab.metrics import ConfusionMatrix
from worker.cli.foreground.scores import save_scores, scores_as_original


def test_scores_equal_those_of_the_original(golden: Path) -> None:
    expected = json.loads((golden / "scores.json").read_text())
    n_classes, shape = expected["n_classes"], expected["shape"]
    rng = np.random.Generator(np.random.Philox(expected["seed"]))
    labels = rng.integers(0, n_classes, shape)
    labels[rng.random(shape) < 0.1] = 255
    labels[labels == 4] = 5
    predictions = np.where(
        rng.random(shape) < 0.6, np.where(labels == 255, 0, labels), rng.integers(0, n_classes, shape)
    )
    matrix = ConfusionMatrix(n_classes)
    matrix.update(labels, predictions)
    scores = scores_as_original(matrix.scores())
    assert scores.keys() == expected["scores"].keys()
    assert scores.pop("Class IoU") == pytest.approx(expected["scores"].pop("Class IoU"))
    assert scores == pytest.approx(expected["scores"])


def test_a_class_that_does_not_occur_is_null(tmp_path: Path) -> None:
    matrix = ConfusionMatrix(3)
    matrix.update(np.array([[0, 1]]), np.array([[0, 1]]))
    save_scores(tmp_path / "new" / "scores.json", matrix.scores())
    saved = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert saved["Class IoU"] == {"0": 1.0, "1": 1.0, "2": None}
    assert saved["Mean IoU"] == 1.0
