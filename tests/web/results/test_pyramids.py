import io
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.raster import LoadedRaster
from web.results.pyramids import COLOURS, TILE, VALUES, n_levels, read_tile, write_pyramid


def decode(content: bytes | None) -> NDArray[np.uint8]:
    assert content is not None
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("size", "levels"),
    [((1, 1), 1), ((512, 512), 1), ((513, 1), 2), ((1024, 1024), 2), ((1025, 7), 3), ((10_000, 10_000), 6)],
)
def test_the_last_level_is_one_tile(size: tuple[int, int], levels: int) -> None:
    assert n_levels(*size) == levels
    assert -(-max(size) // 2 ** (levels - 1)) <= TILE


@pytest.mark.parametrize("size", [(1, 1), (512, 512), (513, 300), (700, 1300), (1025, 1023)])
def test_values_of_each_level_are_one_of_so_many_of_the_map(tmp_path: Path, size: tuple[int, int]) -> None:
    values = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        write_pyramid(file, LoadedRaster(values), VALUES)
    n_tiles = 0
    for level in range(n_levels(*size)):
        expected = values[:: 2**level, :: 2**level]
        for row in range(-(-len(expected) // TILE)):
            for column in range(-(-expected.shape[1] // TILE)):
                part = expected[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
                assert np.array_equal(decode(read_tile(path, level, row, column)), part)
                n_tiles += 1
    with ZipFile(path) as archive:
        assert len(archive.namelist()) == n_tiles


def test_colours_of_a_level_are_means(tmp_path: Path) -> None:
    pixels = np.zeros((600, 600, 3), np.uint8)
    pixels[::2] = (200, 100, 40)
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        write_pyramid(file, LoadedRaster(pixels), COLOURS)
    assert decode(read_tile(path, 0, 1, 1)).shape == (88, 88, 3)
    half = decode(read_tile(path, 1, 0, 0)).astype(int)
    assert half.shape == (300, 300, 3)
    assert np.abs(half - (100, 50, 20)).max() <= 3


def test_beyond_the_image_there_is_no_tile(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        write_pyramid(file, LoadedRaster(np.zeros((10, 10), np.uint8)), VALUES)
    assert read_tile(path, 1, 0, 0) is None
    assert read_tile(path, 0, 0, 1) is None
    with pytest.raises(FileNotFoundError):
        read_tile(tmp_path / "none.zip", 0, 0, 0)
