from web.results.confusion import Cell, confusion_of
from worker.jobs.records.evaluations import Evaluation


def evaluation(**scores: object) -> Evaluation:
    return Evaluation(1, 1, "2", "shapes", "val", {}, 0.5, 0.0, {"class_iou": [], **scores})


def test_confusion_is_by_row_and_leaves_out_what_cannot_be_seen() -> None:
    confusion = confusion_of(evaluation(labels=["a", "b", "c"]), [[998, 2, 0], [30, 60, 10], [0, 0, 0]])
    assert confusion is not None
    assert confusion.cells == [Cell(0, 0, 0.998), Cell(1, 0, 0.3), Cell(1, 1, 0.6), Cell(1, 2, 0.1)]
    assert confusion.worst == [Cell(1, 0, 0.3), Cell(1, 2, 0.1)]


def test_without_a_matrix_there_is_no_drawing() -> None:
    assert confusion_of(evaluation(), None) is None
