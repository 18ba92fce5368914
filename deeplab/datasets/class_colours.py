"""The colours that a dataset's classes are shown in. Torch-free."""

from collections.abc import Mapping
from contextlib import suppress

from deeplab.datasets.class_names import load_class_colours
from deeplab.datasets.colour_table import load_colour_table
from deeplab.errors import DatasetError
from deeplab.images.palette import Colour, Colours, palette
from deeplab.mirrors import local_path
from deeplab.schema import Dataset


def class_colours_of(settings: Dataset) -> Colours:
    """The colours that the labels file or DATASET.PALETTE gives to classes, and for others those of masks."""
    colours = palette(settings.N_CLASSES)
    for index, colour in _given(settings).items():
        colours[index] = colour
    return colours


def _given(settings: Dataset) -> Mapping[int, Colour]:
    """The colours that people gave to classes. Files that are gone or damaged give none: only colours are wrong."""
    given: dict[int, Colour] = {}
    with suppress(DatasetError):
        if settings.PALETTE is not None:
            table = load_colour_table(local_path(settings.PALETTE), settings)
            given |= {index: colour for colour, index in reversed(table.classes.items())}  # of several the first
    with suppress(DatasetError):
        if settings.LABELS is not None:
            given |= load_class_colours(local_path(settings.LABELS))
    return given
