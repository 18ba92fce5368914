import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from deeplab.errors import ImageError, OutputError
from deeplab.images.files import read_image
from deeplab.images.masks import read_mask, read_mask_colours, write_mask
from deeplab.images.palette import palette
from tests.deeplab.images.pictures import random_image, save


def test_mask_round_trip_with_palette(tmp_path: Path) -> None:
    labels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    path = tmp_path / "new" / "folder" / "a.jpg.png"
    write_mask(path, labels)
    assert np.array_equal(read_mask(path), labels)
    assert np.array_equal(read_image(path), palette()[labels])
    assert [entry.name for entry in path.parent.iterdir()] == ["a.jpg.png"]


@pytest.mark.parametrize(("mode", "bits"), [("L", 8), ("1", 1), ("P", 8), ("P", 4), ("P", 1)])
def test_masks_of_other_programs(tmp_path: Path, mode: str, bits: int) -> None:
    indices = np.array([[0, 1], [1, 0]], np.uint8)
    image = Image.fromarray(indices * 255).convert("1") if mode == "1" else Image.fromarray(indices)
    if mode == "P":
        image.putpalette([9, 9, 9, 200, 0, 0])
    image.save(tmp_path / "a.png", bits=bits)
    assert np.array_equal(read_mask(tmp_path / "a.png"), indices)


def test_4_bit_grey_mask_is_not_stretched(tmp_path: Path) -> None:
    # Pillow does not write 4-bit grey, image optimisers do: one row of four pixels 0, 5, 11, 15.
    with (tmp_path / "a.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        PngImagePlugin.putchunk(file, b"IHDR", bytes([0, 0, 0, 4, 0, 0, 0, 1, 4, 0, 0, 0, 0]))
        PngImagePlugin.putchunk(file, b"IDAT", zlib.compress(bytes([0, 0x05, 0xBF])))
        PngImagePlugin.putchunk(file, b"IEND", b"")
    assert read_mask(tmp_path / "a.png").tolist() == [[0, 5, 11, 15]]


def test_masks_with_colours_or_large_indices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ImageError, match=r"rgb\.png: a mask must hold .* 960 of its pixels are coloured\. DATASET\.PAL"
    ):
        read_mask(save(tmp_path / "rgb.png", random_image()))
    with pytest.raises(ImageError, match=r"deep\.png: holds the class index 300; the largest is 255"):
        read_mask(save(tmp_path / "deep.png", np.array([[1, 300]], np.uint16)))
    assert read_mask(save(tmp_path / "low.png", np.array([[1, 255]], np.uint16))).tolist() == [[1, 255]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_masks_with_three_equal_channels_are_grey(tmp_path: Path, mode: str) -> None:
    indices = np.array([[0, 1, 2], [255, 7, 0]], np.uint8)
    assert np.array_equal(read_mask(save(tmp_path / "a.png", indices, mode)), indices)
    half = Image.fromarray(indices).convert("LA")
    half.putpixel((0, 0), (1, 128))
    half.save(tmp_path / "half.png")
    with pytest.raises(ImageError, match=r"half\.png: a mask must hold .*; 1 of its pixels are transparent"):
        read_mask(tmp_path / "half.png")


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.webp", {"lossless": True}), ("a.bmp", {}), ("a.tif", {"compression": "tiff_lzw"})],
)
def test_masks_of_every_lossless_kind(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    indices = np.kron(np.array([[0, 1], [255, 7]], np.uint8), np.ones((8, 8), np.uint8))
    assert np.array_equal(read_mask(save(tmp_path / name, indices, **options)), indices)


def test_indices_of_gif_mean_nothing_but_its_colours_do(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", np.array([[0, 1], [255, 7]], np.uint8))
    with pytest.raises(ImageError, match=r"a\.gif: is GIF, whose writers renumber the colours"):
        read_mask(path)
    assert read_mask_colours(path)[..., 0].tolist() == [[0, 1], [255, 7]]


@pytest.mark.parametrize(
    ("image_format", "options", "kind"),
    [
        ("JPEG", {}, "JPEG"),
        ("WEBP", {}, "lossy WebP"),
        ("TIFF", {"compression": "jpeg"}, "TIFF with lossy compression"),
        ("JPEG2000", {}, "JPEG 2000"),
    ],
)
def test_lossy_masks_are_refused_whatever_their_name(
    tmp_path: Path, image_format: str, options: dict[str, Any], kind: str
) -> None:
    path = save(tmp_path / "a.png", np.full((16, 16), 7, np.uint8), format=image_format, **options)
    with pytest.raises(
        ImageError, match=rf"a\.png: is {kind}, which changes the values of a mask; expected a lossless"
    ):
        read_mask(path)


def test_unwritable_mask_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    labels = np.zeros((2, 2), np.uint8)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: the folder cannot be created: .*exists"):
        write_mask(tmp_path / "file" / "a.png", labels)
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        write_mask(tmp_path / ("x" * 300 + ".png"), labels)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
