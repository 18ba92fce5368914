from typing import Any

import numpy as np
import pytest
from pycocotools import mask

from deeplab.datasets.layouts.coco_regions import draw_regions
from deeplab.errors import DatasetError


def square(left: int, top: int, side: int) -> list[int]:
    return [left, top, left + side, top, left + side, top + side, left, top + side]


def test_polygon_covers_its_pixels() -> None:
    labels = draw_regions([[1, 7, False, [square(1, 2, 3)]]], 6, 8, "a")
    expected = np.zeros((6, 8), np.uint8)
    expected[2:5, 1:4] = 7
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, expected)


def test_several_polygons_are_one_object() -> None:
    labels = draw_regions([[1, 2, False, [square(0, 0, 2), square(4, 0, 2)]]], 2, 6, "a")
    assert labels[0].tolist() == [2, 2, 0, 0, 2, 2]


@pytest.mark.parametrize("compressed", [False, True])
def test_run_lengths(compressed: bool) -> None:
    inside = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
    runs: dict[str, Any] = {"size": [2, 3], "counts": [2, 1, 1, 2]}  # down the columns, outside first
    if compressed:
        runs["counts"] = mask.encode(np.asfortranarray(inside))["counts"].decode()
    assert np.array_equal(draw_regions([[1, 4, True, runs]], 2, 3, "a"), inside * 4)


def test_compressed_run_lengths_of_any_mask_are_read() -> None:
    rng = np.random.default_rng(0)
    for coarse in (1, 9):  # short runs, and long ones that take several characters
        inside = rng.integers(0, 2, (40, 50)).astype(np.uint8).repeat(coarse, axis=0)
        height, width = inside.shape
        runs = {"size": [height, width], "counts": mask.encode(np.asfortranarray(inside))["counts"].decode()}
        assert np.array_equal(draw_regions([[1, 1, False, runs]], height, width, "a"), inside)


def test_nothing_is_background() -> None:
    assert not draw_regions([], 3, 4, "a").any()


def test_small_objects_lie_on_large_ones_whatever_their_order() -> None:
    large, small = [1, 1, False, [square(0, 0, 6)]], [2, 2, False, [square(1, 1, 2)]]
    for objects in ([large, small], [small, large]):
        labels = draw_regions(objects, 6, 6, "a")
        assert np.bincount(labels.ravel()).tolist() == [0, 32, 4]


def test_of_equal_objects_the_later_is_on_top_and_crowds_lie_below() -> None:
    one, other = [1, 1, False, [square(0, 0, 4)]], [2, 2, False, [square(0, 0, 4)]]
    crowd = [3, 3, True, {"size": [4, 4], "counts": [0, 2, 14]}]
    assert (draw_regions([one, other], 4, 4, "a") == 2).all()
    assert (draw_regions([other, one, crowd], 4, 4, "a") == 1).all()


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "has no segmentation"),
        ("text", "has no segmentation"),
        ([[0, 0, 3, 3, 1, 1, 2]], "has a polygon that is not a list of three or more x, y"),
        ([[0, 0, 3, 3, 1]], "has a polygon that is not"),
        ([[0, 0, 3, 3, 1, "2"]], "has a polygon that is not"),
        ([[0, 0, 3, 3, 1, float("nan")]], "has a polygon that is not"),
        ([{"size": [4, 4], "counts": [16]}], "has a polygon that is not"),
        ([[0, 0, 1e9, 3, 1, 2]], "more than 1000000 pixels away"),
        ({"size": [5, 4], "counts": [20]}, r"for an image of size \[5, 4\], not \[4, 4\]"),
        ({"counts": [16]}, r"for an image of size None, not \[4, 4\]"),
        ({"size": [4, 4], "counts": [10, 20]}, "are not a list of numbers"),
        ({"size": [4, 4], "counts": [10, 10]}, "cover 20 of 16 pixels"),
        ({"size": [4, 4], "counts": [10, 5]}, "cover 15 of 16 pixels"),
        ({"size": [4, 4], "counts": []}, "cover 0 of 16 pixels"),
        ({"size": [4, 4], "counts": "52"}, "cover 7 of 16 pixels"),
        ({"size": [4, 4], "counts": "5~"}, "hold the character '~'"),
        ({"size": [4, 4], "counts": "5a"}, "end in the middle of a number"),
        ({"size": [4, 4], "counts": "a1b1c1"}, "are not a list of numbers"),
        ({"size": [4, 4], "counts": [-3, 19]}, "are not a list of numbers"),
        ({"size": [4, 4]}, "."),
        ({"size": [4, 4], "counts": ["x"]}, "."),
        ({"size": [4, 4], "counts": "\u00e4"}, "."),
    ],
)
def test_malformed_segmentations_are_refused(segmentation: Any, reason: str) -> None:
    with pytest.raises(DatasetError, match=rf"^a\.json: a\.jpg: annotation 9: .*{reason}") as caught:
        draw_regions([[9, 1, False, segmentation]], 4, 4, "a.json: a.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("leftover", [[], [[]], [[0, 0]], [[0, 0, 3, 3]]])
def test_outlines_without_an_area_are_left_out(leftover: list[Any]) -> None:
    square = [[0, 0, 2, 0, 2, 2, 0, 2]]
    objects = [[8, 2, False, square + leftover], [9, 1, False, leftover]]
    label_map = draw_regions(objects, 4, 4, "a.json: a.jpg")
    assert label_map[:2, :2].tolist() == [[2, 2], [2, 2]]
    assert label_map.sum() == 8


LONG_WAY = [0, 0, 1_000_000, 0] * 6


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("outlines", "sentence"),
    [
        ([LONG_WAY], "has outlines of more than 10,000,000 pixels"),
        ([LONG_WAY[:8]] * 8, "has outlines of more than 10,000,000 pixels"),
        ({"size": [4, 4], "counts": "o" * 1_000_000}, "its run lengths hold a number of more than 40 bits"),
        ({"size": [4, 4], "counts": [2**40]}, "its run lengths are not a list of numbers from 0 to 16"),
        ({"size": [4, 4], "counts": [-1, 17]}, "its run lengths are not a list of numbers from 0 to 16"),
        ({"size": [4, 4], "counts": [1.5]}, "its run lengths are not a list of numbers from 0 to 16"),
        ({"size": [4, 4], "counts": {"a": 1}}, "its run lengths are not a list of numbers from 0 to 16"),
    ],
)
def test_outlines_are_bounded_before_they_are_drawn(outlines: Any, sentence: str) -> None:
    with pytest.raises(DatasetError, match=f"a: annotation 1: {sentence}"):
        draw_regions([[1, 1, False, outlines]], 4, 4, "a")


@pytest.mark.parametrize("side", [2**31, 100_000, 13_378])
def test_a_size_that_nothing_has_is_refused_before_memory_is_taken_for_it(side: int) -> None:
    with pytest.raises(DatasetError, match=f"a: is said to have {side}x{side} pixels; the limit is 178,956,970"):
        draw_regions([[1, 1, False, [square(1, 1, 2)]]], side, side, "a")
