from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from deeplab.datasets.pairs import MaskFile, Pair
from deeplab.datasets.split import SplitDataset
from deeplab.errors import DatasetError, ImageError
from deeplab.images.bands import AS_TAGGED, Reading
from deeplab.images.masks import write_mask
from deeplab.images.raster import LoadedRaster
from deeplab.images.tiff import write_geotiff_mask
from web.results.viewer import layers
from web.results.viewer.image_files import ImageFiles, Truth
from web.results.viewer.layers import Layer, find_layer

LABELS = np.random.default_rng(0).integers(0, 3, (24, 40), np.uint8)


def evaluated(image: Path, mask: Path, warp_side: int | None = None, reading: Reading = AS_TAGGED) -> ImageFiles:
    pair = Pair("a", image, MaskFile(mask))
    truth = Truth(pair, SplitDataset("val", [pair], 3, 255, warp_side, reading))
    none = image.with_name("none.png")
    return ImageFiles(image, reading, none, none, truth, warp_side)


def layer_of(files: ImageFiles, name: str) -> Layer:
    layer = find_layer(files, name)
    assert layer is not None
    return layer


def read(layer: Layer) -> NDArray[np.uint8]:
    source = layer.open()
    assert (source.height, source.width) == layer.size
    return source.read(0, 0, *layer.size)


def test_an_image_and_its_truth_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.repeat((80 * LABELS)[..., None], 3, axis=2)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    write_mask(tmp_path / "mask.png", LABELS)  # drawn on the image as it is stored
    files = evaluated(tmp_path / "a.png", tmp_path / "mask.png")
    image, truth = (layer_of(files, name) for name in ("image", "truth"))
    assert image.size == truth.size == (40, 24)
    assert np.array_equal(read(image)[..., 0], 80 * read(truth))


def test_a_mask_of_another_size_is_a_sentence_and_not_stretched(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(tmp_path / "a.png")
    write_mask(tmp_path / "mask.png", LABELS[:20])
    with pytest.raises(DatasetError, match=r"mask\.png: the mask is 40x20, but its image .*a\.png is 40x24\."):
        layer_of(evaluated(tmp_path / "a.png", tmp_path / "mask.png"), "truth").open()


def test_warped_images_are_shown_as_they_were_scored(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(tmp_path / "a.png")
    write_mask(tmp_path / "mask.png", LABELS)
    files = evaluated(tmp_path / "a.png", tmp_path / "mask.png", warp_side=33)
    assert read(layer_of(files, "image")).shape == (33, 33, 3)
    assert read(layer_of(files, "truth")).shape == (33, 33)
    unlabelled = replace(files, truth=None)
    assert read(layer_of(unlabelled, "image")).shape == (33, 33, 3)
    assert find_layer(unlabelled, "truth") is None


def test_numbers_without_a_range_are_a_sentence_and_with_one_an_image(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.linspace(0, 1, 960, dtype=np.float32).reshape(24, 40), photometric="minisblack")
    files = ImageFiles(path, AS_TAGGED, path, path)
    assert layer_of(files, "image").size == (24, 40)
    with pytest.raises(ImageError, match=r"set IMAGE\.RANGE"):
        layer_of(files, "image").open()
    pixels = read(layer_of(replace(files, reading=Reading(value_range=(0, 1))), "image"))
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_the_reading_is_part_of_the_version(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((24, 40), np.uint16), photometric="minisblack")
    files = ImageFiles(path, AS_TAGGED, path, path)
    other = replace(files, reading=Reading(value_range=(0, 4095)))
    assert layer_of(files, "image").version != layer_of(other, "image").version


def test_what_is_read_in_parts_is_shown_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.tile(LABELS, (60, 1))
    monkeypatch.setattr(layers, "_MOST_AT_ONCE", labels.size - 1)
    write_geotiff_mask(tmp_path / "a.tif", labels, [])
    write_mask(tmp_path / "a.png", labels)
    Image.fromarray(labels).save(tmp_path / "a.bmp")
    for name in ("a.tif", "a.png"):
        layer = layer_of(ImageFiles(None, AS_TAGGED, tmp_path / name, tmp_path / "none"), "labels")
        assert not isinstance(layer.open(), LoadedRaster)
        assert np.array_equal(read(layer), labels)
    with pytest.raises(ImageError, match=r"a\.bmp: has 40x1440 pixels, too many to show here"):
        layer_of(ImageFiles(None, AS_TAGGED, tmp_path / "a.bmp", tmp_path / "none"), "labels").open()


def test_what_is_not_known_or_gone_is_a_sentence(tmp_path: Path) -> None:
    unknown = ImageFiles(None, AS_TAGGED, tmp_path / "none", tmp_path / "none", problem="The split has no such image.")
    with pytest.raises(ImageError, match="The split has no such image"):
        find_layer(unknown, "image")
    assert find_layer(unknown, "labels") is None
    with pytest.raises(ImageError, match=r"gone\.png: the file does not exist"):
        find_layer(replace(unknown, image=tmp_path / "gone.png"), "image")
