from typing import Any

from worker.jobs.records.comparability import find_obstacles, is_older
from worker.jobs.records.evaluations import Evaluation

POLICY = {"averaged_over": "classes of the ground truth", "ignored_label": 255, "inference": {"FLIP": False}}


def evaluation(**changes: Any) -> Evaluation:
    known = {"policy": POLICY, "dataset_version": "f00df00d1234", "dataset": "shapes", "split": "val"} | changes
    scores = known.pop("scores", {"class_iou": [0.1, 0.2], "labels": ["a", "b"]})
    return Evaluation(1, 1, "2", settings={}, mean_iou=0.5, created_at=0.0, scores=scores, **known)


def test_equal_rules_and_data_are_comparable() -> None:
    assert find_obstacles(evaluation(), evaluation()) == []
    assert not is_older(evaluation())


def test_how_a_model_looks_at_images_may_differ() -> None:
    assert find_obstacles(evaluation(), evaluation(policy={**POLICY, "inference": {"FLIP": True}})) == []


def test_another_rule_is_named_with_both_values() -> None:
    other = evaluation(policy={**POLICY, "ignored_label": 0, "scored_at": "513x513"})
    assert find_obstacles(evaluation(), other) == [
        "They are scored by different rules: ignored label is 255 and 0.",
        "They are scored by different rules: scored at is None and 513x513.",
    ]


def test_the_version_decides_about_the_data_whatever_it_is_called() -> None:
    assert find_obstacles(evaluation(), evaluation(dataset="renamed")) == []
    [sentence] = find_obstacles(evaluation(), evaluation(dataset_version="beef00001234"))
    assert sentence == (
        "They are on different data: shapes, val (version f00df00d) and shapes, val (version beef0000)."
    )


def test_without_versions_the_names_decide() -> None:
    older = evaluation(dataset_version=None, policy=None)
    assert is_older(older)
    assert find_obstacles(evaluation(), older) == []
    assert find_obstacles(evaluation(), evaluation(dataset_version=None, split="train")) == [
        "They are on different data: shapes, val and shapes, train."
    ]


def test_other_classes_are_not_comparable() -> None:
    renamed = evaluation(scores={"class_iou": [0.1, 0.2], "labels": ["a", "c"]})
    assert find_obstacles(evaluation(), renamed) == ["Their classes have different names."]
    more = evaluation(scores={"class_iou": [0.1, 0.2, 0.3]})
    assert find_obstacles(evaluation(), more) == ["They know 2 and 3 classes."]
