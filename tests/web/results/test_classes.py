import pytest

from web.results.classes import class_shares, colour


def test_shares_are_of_all_pixels_and_the_largest_first() -> None:
    shares = class_shares({0: 50, 1: 0, 2: 150, 9: 200}, ["ground", "disc", "bar"])
    assert [(share.name, share.fraction) for share in shares] == [("class 9", 0.5), ("bar", 0.375), ("ground", 0.125)]
    assert class_shares({}, []) == []


@pytest.mark.parametrize(("index", "expected"), [(0, "#000000"), (1, "#800000"), (2, "#008000"), (15, "#c08080")])
def test_colours_are_those_of_the_masks(index: int, expected: str) -> None:
    assert colour(index) == expected
