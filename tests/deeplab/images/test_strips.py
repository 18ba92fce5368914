import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.errors import ImageError
from deeplab.images.bands import AS_TAGGED
from deeplab.images.files import read_image, upright_size
from deeplab.images.masks import read_mask
from deeplab.images.raster import LoadedRaster, Raster, read_all
from deeplab.images.strips import open_image_strips, open_label_strips, pixels_at_once, shrink
from tests.deeplab.images.pictures import random_image

HEIGHT, WIDTH = 1100, 53


def picture() -> Image.Image:
    """Smooth, so that all filters of PNG occur, and transparent in parts."""
    rng = np.random.default_rng(0)
    pixels = np.cumsum(rng.integers(0, 7, (HEIGHT, WIDTH, 4)), axis=0).astype(np.uint8)
    return Image.fromarray(pixels)


def in_strips(image: Raster, rows: int = 300) -> np.ndarray:
    parts = [image.read(top, 0, min(rows, image.height - top), image.width) for top in range(0, image.height, rows)]
    return np.concatenate(parts)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "P4", "P2"])
def test_strips_of_a_png_are_those_of_the_whole(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    image = picture()
    n_colours = {"P": 200, "P4": 11, "P2": 3}.get(mode)
    (image.convert("RGB").quantize(n_colours) if n_colours else image.convert(mode)).save(path)
    strips = open_image_strips(path)
    assert np.array_equal(in_strips(strips), read_image(path))
    assert np.array_equal(strips.read(20, 5, 30, 10), read_image(path)[20:50, 5:15])
    assert pixels_at_once(path) == 512 * WIDTH


@pytest.mark.parametrize("mode", ["1", "L", "P", "P4", "RGB"])
def test_strips_of_a_mask_are_those_of_the_whole(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    indices = Image.fromarray(np.asarray(picture())[..., 0] % 16)
    if mode.startswith("P"):
        indices.putpalette(bytes(range(48)) if mode == "P4" else bytes(768))
    (indices if mode.startswith("P") else indices.convert(mode)).save(path)
    assert np.array_equal(in_strips(open_label_strips(path)), read_mask(path))


@pytest.mark.parametrize("kind", ["16-bit", "turned", "jpg", "webp", "tif"])
def test_other_kinds_are_decoded_as_ever(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind if len(kind) < 5 else 'png'}"
    grey = Image.fromarray(np.asarray(picture())[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    image = grey if kind == "16-bit" else picture().convert("RGB")
    image.save(path, exif=exif if kind == "turned" else Image.Exif())
    assert np.array_equal(in_strips(open_image_strips(path)), read_image(path))
    assert upright_size(path) == read_image(path).shape[:2]


def test_a_damaged_or_cut_off_png_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(random_image(600, 40)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"a\.png: cannot be read: the file is truncated"):
        in_strips(open_image_strips(path))
    path.write_bytes(whole[:300] + bytes(2000) + whole[2300:])
    with pytest.raises(ImageError, match=r"a\.png: cannot be read"):
        in_strips(open_image_strips(path))
    path.write_bytes(whole[:20])
    with pytest.raises(ImageError, match=r"a\.png: cannot be read"):
        open_image_strips(path)


def test_how_a_png_is_turned_is_found_without_its_pixels(tmp_path: Path) -> None:
    """The pixels are damaged, which only a decoder would notice."""
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(random_image(24, 40)).save(path, exif=exif)
    content = path.read_bytes()
    start = content.index(b"IDAT") + 4
    path.write_bytes(content[:start] + bytes(100) + content[start + 100 :])
    assert upright_size(path) == (40, 24)


def test_a_jpeg_comes_smaller_where_that_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.zeros((800, 1600, 3), np.uint8)).save(path)
    small = open_image_strips(path, AS_TAGGED, 100)
    assert (small.height, small.width) == (100, 200)
    assert pixels_at_once(path, AS_TAGGED, 100) == 100 * 200
    assert pixels_at_once(path) == 800 * 1600


def test_shrinking_blends_colours_and_takes_indices(tmp_path: Path) -> None:
    checks = np.indices((2000, 1000)).sum(axis=0) % 2
    image = shrink(LoadedRaster(np.repeat(checks[..., None].astype(np.uint8) * 200, 3, axis=2)), 100, blend=True)
    assert image.size == (50, 100)
    assert abs(int(np.asarray(image).mean()) - 100) <= 1
    labels = shrink(LoadedRaster(checks.astype(np.uint8) * 200), 100, blend=False)
    assert set(np.unique(np.asarray(labels))) <= {0, 200}
    thin = shrink(LoadedRaster(np.full((1, 5000), 7, np.uint8)), 100, blend=False)
    assert (thin.size, thin.getpixel((0, 0))) == ((100, 1), 7)
    assert read_all(LoadedRaster(np.zeros((3, 4, 3), np.uint8))).shape == (3, 4, 3)


def test_a_bomb_is_read_in_little_memory(tmp_path: Path) -> None:
    """A gigapixel of one colour in a megabyte: of it a strip is in memory."""
    path = tmp_path / "a.png"
    height, width = 40_000, 25_000
    pack = zlib.compressobj(1)
    row = b"\0" + bytes(width)
    pixels = b"".join(pack.compress(row * 1000) for _ in range(height // 1000)) + pack.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    assert pixels_at_once(path) == 512 * width
    assert open_image_strips(path).read(0, 0, 10, width).shape == (10, width, 3)
