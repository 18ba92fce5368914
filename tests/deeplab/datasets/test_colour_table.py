from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.config import parse_config
from deeplab.datasets.colour_table import load_colour_table
from deeplab.datasets.split import open_split
from deeplab.errors import ConfigError, DatasetError
from deeplab.schema import Dataset
from tests.deeplab.drawing import write_pair

LABEL = np.array([[0, 1, 2, 255], [2, 2, 1, 0]], np.uint8)
COLOURS = np.zeros((256, 3), np.uint8)
COLOURS[[0, 1, 2, 255]] = [(0, 0, 0), (128, 64, 128), (70, 70, 70), (255, 255, 255)]
TABLE = "# class R G B\n0 0 0 0\n1\t128\t64\t128\troad\n\n2 70 70 70 wall of stone\n2 70 70 71\n255 255 255 255\n"


def open_coloured(root: Path, table: str = TABLE, **changes: Any) -> Any:
    (root / "colours").write_text(table)
    settings = {"ROOT": str(root), "N_CLASSES": 3, "PALETTE": str(root / "colours"), **changes}
    return open_split(parse_config({"DATASET": settings}, "test"), "train")


def write_mask(root: Path, mask: Image.Image) -> None:
    write_pair(root, "a", np.zeros((2, 4, 3), np.uint8), LABEL)
    mask.save(root / "masks/a.png")
    (root / "train.txt").write_text("a\n")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_are_classes(tmp_path: Path, mode: str) -> None:
    mask = Image.fromarray(COLOURS[LABEL])
    write_mask(tmp_path, mask.quantize(8) if mode == "P" else mask.convert(mode))
    assert np.array_equal(open_coloured(tmp_path)[0].label_map, LABEL)


def test_of_unknown_colours_the_most_frequent_and_its_neighbour_are_named(tmp_path: Path) -> None:
    colours = COLOURS[LABEL]
    colours[0, 0], colours[1, :2] = (1, 2, 3), (70, 70, 80)
    write_mask(tmp_path, Image.fromarray(colours))
    with pytest.raises(DatasetError) as caught:
        open_coloured(tmp_path)[0]
    assert str(caught.value) == (
        f"{tmp_path}/masks/a.png: 2 pixels have the colour (70, 70, 80), which DATASET.PALETTE does not list; the"
        " nearest one is (70, 70, 71), class 2; 1 other colours are unknown, too."
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "the file lists no colour; expected one 'class R G B' per line"),
        ("0 1 2\n", "line 1 is '0 1 2'; expected 'class R G B', four numbers from 0 to 255"),
        ("0 1 2 256\n", "line 1 is '0 1 2 256'; expected"),
        ("\nroad 1 2 3\n", "line 2 is 'road 1 2 3'; expected"),
        ("0 1 2 3\n\n1 1 2 3\n", r"line 3 repeats the colour \(1, 2, 3\) of line 1"),
        ("3 1 2 3\n", "line 1: there is no class 3; expected 0 to 2 or 255"),
    ],
)
def test_malformed_tables_are_refused(tmp_path: Path, table: str, reason: str) -> None:
    (tmp_path / "colours").write_text(table)
    with pytest.raises(DatasetError, match=rf"colours: {reason}"):
        load_colour_table(tmp_path / "colours", Dataset(N_CLASSES=3))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none: the file of DATASET\.PALETTE does not exist"):
        load_colour_table(tmp_path / "none", Dataset(N_CLASSES=3))


@pytest.mark.parametrize("name", ["coco", "cocostuff10k"])
def test_layouts_without_mask_images_have_no_palette(name: str) -> None:
    with pytest.raises(ConfigError, match=r"DATASET\.PALETTE is for layouts whose masks are image files"):
        parse_config({"DATASET": {"NAME": name, "N_CLASSES": 3, "PALETTE": "p"}}, "test")
