import json
import math
from pathlib import Path

import numpy as np
import pytest

from deeplab.catalog import IMAGE_SCORES, SCORES
from deeplab.scores.metrics import ConfusionMatrix
from tests.golden import GOLDEN
from tests.golden.fill import label_maps
from worker.cli.foreground.scores import save_scores, scores_as_original


def test_scores_equal_those_of_the_original() -> None:
    case = json.loads((GOLDEN / "scores.json").read_text())
    matrix = ConfusionMatrix(case["n_classes"])
    matrix.update(*label_maps(case))
    scores, theirs = scores_as_original(matrix.scores()), case["scores"]
    assert scores.keys() == theirs.keys()
    assert scores.pop("Class IoU") == pytest.approx(theirs.pop("Class IoU"))
    assert scores == pytest.approx(theirs)


def test_every_score_is_in_the_json() -> None:
    scores = {name: number / 10 for number, name in enumerate([*SCORES, *IMAGE_SCORES])}
    found = scores_as_original({**scores, "class_iou": [], "class_boundary_iou": [0.5, math.nan]})
    assert found.pop("Class IoU") == {}
    assert found.pop("Class Boundary IoU") == {"0": 0.5, "1": None}
    assert sorted(found.values()) == sorted(scores.values())


def test_a_class_that_does_not_occur_is_null(tmp_path: Path) -> None:
    matrix = ConfusionMatrix(3)
    matrix.update(np.array([[0, 1]]), np.array([[0, 1]]))
    save_scores(tmp_path / "new" / "scores.json", matrix.scores())
    saved = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert saved["Class IoU"] == {"0": 1.0, "1": 1.0, "2": None}
    assert saved["Mean IoU"] == 1.0
