from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deeplab.bounded_map import bounded_map


def test_results_come_in_order_and_the_input_is_read_no_further_than_the_depth() -> None:
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            read.append(number)
            yield number

    with ThreadPoolExecutor(4) as pool:
        results = bounded_map(pool, lambda number: number * number, numbers(), depth=3)
        assert next(results) == 0
        assert read == [0, 1, 2]
        assert list(results) == [number * number for number in range(1, 20)]


def test_an_exception_comes_at_its_turn() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = bounded_map(pool, lambda number: 6 // number, [3, 2, 0, 1], depth=4)
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_a_budget_bounds_what_is_in_flight_and_lets_one_giant_through() -> None:
    weights = {0: 3, 1: 3, 2: 5, 3: 20, 4: 1, 5: 1, 6: 1}
    started: list[int] = []

    def start(number: int) -> int:
        started.append(number)
        return number

    taken: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        for number in bounded_map(pool, start, weights, depth=4, weigh=weights.__getitem__, budget=10):
            in_flight = [each for each in started if each not in taken and each != number]
            assert sum(weights[each] for each in in_flight) <= 10 or len(in_flight) == 1
            taken.append(number)
    assert taken == list(weights)
