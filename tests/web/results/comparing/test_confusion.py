import numpy as np

from web.results.comparing.confusion import Confused, confusions, order_by_error, order_by_similarity, search

COUNTS = np.array([[998, 2, 0], [30, 60, 10], [0, 0, 0]])


def test_confusions_are_shares_of_the_true_class() -> None:
    assert confusions(COUNTS) == [Confused(1, 0, 30, 0.3), Confused(1, 2, 10, 0.1), Confused(0, 1, 2, 0.002)]
    assert [each.pixels for each in confusions(np.array([[9000, 1000], [5, 5]]), by="pixels")] == [1000, 5]
    assert confusions(np.zeros((3, 3), np.int64)) == []


def test_they_are_found_by_either_class() -> None:
    labels = ["ground", "disc", "bar"]
    assert search(confusions(COUNTS), labels, "BAR") == [Confused(1, 2, 10, 0.1)]
    assert len(search(confusions(COUNTS), labels, "")) == 3


def test_the_most_confused_class_comes_first_and_absent_ones_last() -> None:
    assert order_by_error(COUNTS) == [1, 0, 2]


def test_classes_that_are_taken_for_one_another_stand_side_by_side() -> None:
    counts = np.eye(6, dtype=np.int64) * 100
    for first, second, pixels in ((0, 4, 50), (4, 2, 20), (1, 5, 40), (5, 3, 10)):
        counts[first, second] = pixels
    order = order_by_similarity(counts)
    assert sorted(order) == list(range(6))
    place = {index: order.index(index) for index in order}
    assert all(abs(place[a] - place[b]) == 1 for a, b in ((0, 4), (4, 2), (1, 5), (5, 3)))


def test_orders_of_few_classes() -> None:
    assert order_by_similarity(np.array([[5]])) == [0]
    assert sorted(order_by_similarity(np.array([[5, 0], [0, 0]]))) == [0, 1]
