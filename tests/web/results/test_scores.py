import math

from web.results.scores import Cell, ScoreLine, class_lines, confusion_of, score_lines
from worker.jobs.records.evaluations import Evaluation


def evaluation(**scores: object) -> Evaluation:
    return Evaluation(1, 1, "2", "shapes", "val", {}, 0.5, 0.0, {"class_iou": [], **scores})


def test_lines_have_a_value_per_evaluation() -> None:
    first = evaluation(mean_iou=0.5, pixel_accuracy=0.9, labels=["a", "b"], class_iou=[0.2, None])
    second = evaluation(mean_iou=0.6, labels=["a", "c"], class_iou=[0.4, 0.1])
    assert score_lines([first, second])[0] == ScoreLine("Mean IoU", [0.5, 0.6])
    assert score_lines([first, second])[1].values == [0.9, None]
    lines = {line.title: line for line in class_lines([first, second])}
    assert lines["a"].values == [0.2, 0.4]
    assert lines["b"].values == [None, None]
    assert lines["c"].values == [None, 0.1]
    assert lines["a"].colour == "#000000"
    assert lines["b"].colour == "#800000"


def test_scores_of_single_images_have_a_line_where_an_evaluation_has_them() -> None:
    first, second = evaluation(mean_iou=0.5), evaluation(mean_iou=0.6, boundary_iou=0.4)
    assert len(score_lines([first])) == 4
    assert score_lines([first, second])[4:] == [ScoreLine("Boundary IoU", [None, 0.4])]


def test_the_best_and_the_difference() -> None:
    assert ScoreLine("x", [0.2, 0.4, 0.3]).best == 0.4
    assert ScoreLine("x", [0.2]).best is None  # there is nothing to compare
    assert math.isclose(ScoreLine("x", [0.2, 0.5]).difference or 0, 0.3)
    assert ScoreLine("x", [None, 0.5]).difference is None


def test_classes_without_names_are_numbered() -> None:
    assert [line.title for line in class_lines([evaluation(class_iou=[0.1, 0.2])])] == ["class 0", "class 1"]


def test_confusion_is_by_row_and_leaves_out_what_cannot_be_seen() -> None:
    confusion = confusion_of(evaluation(labels=["a", "b", "c"]), [[998, 2, 0], [30, 60, 10], [0, 0, 0]])
    assert confusion is not None
    assert confusion.cells == [Cell(0, 0, 0.998), Cell(1, 0, 0.3), Cell(1, 1, 0.6), Cell(1, 2, 0.1)]
    assert confusion.worst == [Cell(1, 0, 0.3), Cell(1, 2, 0.1)]


def test_without_a_matrix_there_is_no_drawing() -> None:
    assert confusion_of(evaluation(), None) is None
