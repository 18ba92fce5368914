"""Every format that masks are exported in can be imported again, and gives the same masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets.importing.by_name import read_export
from deeplab.datasets.importing.files import ExportFiles
from deeplab.datasets.importing.writing import write_dataset
from deeplab.images.masks import read_mask
from deeplab.reporter import SilentReporter
from tests.worker.jobs.exports.jobs_with_masks import draw, select
from worker.jobs.exports.catalog import FORMATS
from worker.jobs.exports.formats import export
from worker.jobs.exports.writing import write_folder
from worker.jobs.settings import Settings

MASKS = {"a.jpg": draw(0), "deep/b.c.png": draw(1, 40, 17), "ü'1.tif": draw(2)}
IMPORTED_AS = {"coco-rle": "coco"}


@pytest.mark.parametrize("background", ["ground", "background"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_comes_back(sqlite_store: Settings, tmp_path: Path, name: str, background: str) -> None:
    classes = (background, "disc: red", "bar/blue")
    write_folder(export(select(sqlite_store, MASKS, classes=classes), name), tmp_path / "export")
    for image, mask in MASKS.items():
        (tmp_path / "images" / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "images" / image)
    found, read = read_export(ExportFiles(tmp_path / "export", tmp_path / "images"))
    assert found == IMPORTED_AS.get(name, name)
    # Where every pixel is labelled, no class of those that are not is needed.
    written = write_dataset(read, tmp_path / "out", SilentReporter(), ignores_unlabelled=background == "ground")
    expected = [each.replace(":", "-") for each in classes] if name == "cvat" else list(classes)
    assert written.class_names == expected
    for image, mask in MASKS.items():
        path = (tmp_path / "out/masks" / image).with_suffix(".png")
        assert np.array_equal(read_mask(path), mask)
