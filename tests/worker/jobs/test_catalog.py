import pytest

from worker.jobs.catalog import LARGEST_INTEGER, parse_integer


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), (str(LARGEST_INTEGER), LARGEST_INTEGER), (str(LARGEST_INTEGER + 1), None)],
)
def test_integers_that_a_database_can_store_are_read(text: str, number: int | None) -> None:
    assert parse_integer(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1.0", "1e3", "²", "9" * 5000], ids=lambda text: text[:4])
def test_everything_else_is_no_integer(text: str) -> None:
    assert parse_integer(text) is None
