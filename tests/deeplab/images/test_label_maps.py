from pathlib import Path

import numpy as np
import pytest
import tifffile

from deeplab.errors import ImageError
from deeplab.images.label_maps import open_label_map
from deeplab.images.masks import write_mask
from deeplab.images.raster import LoadedRaster
from deeplab.images.tiff import write_geotiff_mask

INDICES = np.random.default_rng(0).integers(0, 21, (300, 530), np.uint8)


def test_a_mask_on_the_map_is_read_by_parts(tmp_path: Path) -> None:
    write_geotiff_mask(tmp_path / "a.tif", INDICES, [])
    source = open_label_map(tmp_path / "a.tif")
    assert not isinstance(source, LoadedRaster)
    assert (source.height, source.width) == INDICES.shape
    for top, left, height, width in ((0, 0, 300, 530), (250, 250, 20, 20), (299, 529, 1, 1)):
        assert np.array_equal(source.read(top, left, height, width), INDICES[top : top + height, left : left + width])


def test_any_other_mask_is_read_as_a_whole(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", INDICES)
    tifffile.imwrite(tmp_path / "white.tif", 255 - INDICES, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "rgb.tif", np.repeat(INDICES[..., None], 3, axis=2), photometric="rgb")
    for name in ("a.png", "white.tif", "rgb.tif"):
        source = open_label_map(tmp_path / name)
        assert isinstance(source, LoadedRaster)
        assert (source.height, source.width) == INDICES.shape
        assert np.array_equal(source.read(10, 20, 30, 40), INDICES[10:40, 20:60]), name


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "odd.tif", np.zeros((8, 8, 5), np.float32), photometric="minisblack")
    with pytest.raises(ImageError, match=r"odd\.tif: "):
        open_label_map(tmp_path / "odd.tif")
    with pytest.raises(ImageError, match="the file does not exist"):
        open_label_map(tmp_path / "none.tif")
