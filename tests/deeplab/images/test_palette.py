import numpy as np
import pytest

from deeplab.images.palette import palette


def test_first_and_last_colours_are_those_of_voc() -> None:
    colours = palette(21)
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8
    expected = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    assert {index: tuple(colours[index].tolist()) for index in expected} == expected
    assert colours[255].tolist() == [224, 224, 192]


def test_values_that_are_not_classes_have_the_colour_of_borders() -> None:
    assert np.array_equal(palette(2)[2:], np.tile(palette()[255], (254, 1)))


def test_all_256_colours_differ() -> None:
    assert len(np.unique(palette(), axis=0)) == 256


@pytest.mark.parametrize("n_classes", [0, 257])
def test_more_classes_than_a_mask_holds_are_refused(n_classes: int) -> None:
    with pytest.raises(ValueError, match=str(n_classes)):
        palette(n_classes)
