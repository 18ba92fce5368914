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
