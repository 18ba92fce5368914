from deeplab.images.palette import palette
from web.results.classes import as_hex, class_shares


def test_shares_are_of_all_pixels_and_the_largest_first() -> None:
    shares = class_shares({0: 50, 1: 0, 2: 150, 9: 200}, ["ground", "disc", "bar"], palette())
    assert [(share.name, share.fraction) for share in shares] == [("class 9", 0.5), ("bar", 0.375), ("ground", 0.125)]
    assert [share.colour for share in shares] == ["#c00000", "#008000", "#000000"]
    assert class_shares({}, [], palette()) == []


def test_colours_are_written_as_browsers_read_them() -> None:
    assert [as_hex(palette()[index]) for index in (0, 1, 15)] == ["#000000", "#800000", "#c08080"]
