import pytest

from web.text.formats import ago, as_yaml, clock_time, number, percent, plural, points, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-5, "just now"),
        (42, "42 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 day ago"),
        (9e5, "10 days ago"),
    ],
)
def test_ago(seconds: float, text: str) -> None:
    assert ago(1000.0 - seconds, 1000.0) == text


def test_numbers() -> None:
    assert number(1234567) == "1\u202f234\u202f567"
    assert number(0.00025) == "0.00025"
    assert percent(0.8421) == "84.2\u202f%"
    assert percent(None) == percent(float("nan")) == "\u2013"
    assert points(0.0131) == "+1.3"
    assert points(-0.02) == "\u22122.0"
    assert points(0.0004) == points(-0.0004) == points(0.0) == "0.0"
    assert points(None) == "\u2013"


def test_a_count_and_its_noun_agree() -> None:
    assert [plural(count, "image") for count in (0, 1, 1200)] == ["0 images", "1 image", "1\u202f200 images"]


def test_a_size_stays_in_one_piece() -> None:
    assert size(178_300_000) == "178\u202fMB"


def test_times_are_utc() -> None:
    assert clock_time(1_700_000_000) == "2023-11-14 22:13:20 UTC"


def test_yaml_keeps_the_order() -> None:
    assert (
        as_yaml({"SOLVER": {"LR": 0.001, "ITER_MAX": 5}, "CRF": None})
        == "SOLVER: {LR: 0.001, ITER_MAX: 5}\nCRF: null\n"
    )
