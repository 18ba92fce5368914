import math

from deeplab.images.palette import palette
from web.results.comparing.scores import ScoreLine, class_lines, score_lines
from worker.jobs.records.evaluations import Evaluation


def evaluation(**scores: object) -> Evaluation:
    return Evaluation(1, 1, "2", "shapes", "val", {}, 0.5, 0.0, {"class_iou": [], **scores})


def test_lines_have_a_value_per_evaluation() -> None:
    first = evaluation(mean_iou=0.5, pixel_accuracy=0.9, labels=["a", "b"], class_iou=[0.2, None])
    second = evaluation(mean_iou=0.6, labels=["a", "c"], class_iou=[0.4, 0.1])
    assert score_lines([first, second])[0] == ScoreLine("Mean IoU", [0.5, 0.6], "mean_iou")
    assert score_lines([first, second])[1].values == [0.9, None]
    lines = {line.title: line for line in class_lines([first, second], [palette(), 255 - palette()])}
    assert lines["a"].values == [0.2, 0.4]
    assert lines["b"].values == [None, None]
    assert lines["c"].values == [None, 0.1]
    assert lines["a"].colour == "#000000"
    assert lines["b"].colour == "#800000"
    assert lines["c"].colour == "#7fffff"  # of the evaluation that knows it


def test_classes_of_one_name_are_told_apart() -> None:
    first = evaluation(labels=["a", "a"], class_iou=[0.1, 0.2])
    second = evaluation(labels=["a", "a"], class_iou=[0.3, 0.4])
    assert [line.values for line in class_lines([first, second], [palette()] * 2)] == [(0.1, 0.3), (0.2, 0.4)]


def test_scores_of_single_images_have_a_line_where_an_evaluation_has_them() -> None:
    first, second = evaluation(mean_iou=0.5), evaluation(mean_iou=0.6, boundary_iou=0.4)
    assert len(score_lines([first])) == 4
    assert score_lines([first, second])[4:] == [ScoreLine("Boundary IoU", [None, 0.4], "boundary_iou")]


def test_the_best_and_the_difference() -> None:
    assert ScoreLine("x", [0.2, 0.4, 0.3]).best == 1
    assert ScoreLine("x", [0.2]).best is None  # there is nothing to compare
    assert ScoreLine("x", [0.4001, 0.2, 0.3999]).best is None  # both are shown as 40.0 %
    assert ScoreLine("x", [None, 0.0, 0.2]).best == 2
    assert math.isclose(ScoreLine("x", [0.2, 0.5]).difference or 0, 0.3)
    assert ScoreLine("x", [None, 0.5]).difference is None


def test_classes_without_names_are_numbered() -> None:
    assert [line.title for line in class_lines([evaluation(class_iou=[0.1, 0.2])], [palette()])] == [
        "class 0",
        "class 1",
    ]
