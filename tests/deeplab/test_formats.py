import pytest

from deeplab.formats import duration, images_and_videos, list_briefly, plural, size, table, words_of


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (-1, "0.0 s"),
        (42.4, "42 s"),
        (59.7, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (18_720, "5 h 12 min"),
        (90_000, "1 d 1 h"),
        (183_600, "2 d 3 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (12, "12 B"),
        (999.7, "1 kB"),
        (2_048, "2.05 kB"),
        (12_345_678, "12.3 MB"),
        (178_300_000, "178 MB"),
        (999_900_000, "1 GB"),
        (2.5e12, "2.5 TB"),
        (5e15, "5000 TB"),
    ],
)
def test_size(n_bytes: float, text: str) -> None:
    assert size(n_bytes) == text


def test_plural() -> None:
    assert [plural(count, "image") for count in (0, 1, 2)] == ["0 images", "1 image", "2 images"]


def test_words_of_an_error() -> None:
    assert words_of(ValueError("first line,\n  second one.")) == "first line, second one"
    assert words_of(ValueError()) == "ValueError"


def test_list_briefly() -> None:
    assert list_briefly(["a", "b"]) == "a, b"
    assert list_briefly(["a", "b", "c", "d"], limit=2) == "a, b and 2 more"


def test_table_aligns_numbers_to_the_right() -> None:
    rows = [("a", 5, "0.25"), ("long name", 12, "")]
    assert table(("NAME", "N", "SCORE"), rows) == "NAME        N  SCORE\na           5   0.25\nlong name  12"


def test_images_and_videos() -> None:
    assert images_and_videos(0, 0, 0) == "0 images"
    assert images_and_videos(3, 0, 0) == "3 images"
    assert images_and_videos(1, 1, 250) == "1 video (250 frames)"
    assert images_and_videos(4, 2, 1) == "2 images and 2 videos (1 frame)"
