import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from deeplab.config import parse_config
from deeplab.errors import ImageError
from deeplab.images.bands import Reading
from deeplab.images.files import image_size, open_image, read_image
from deeplab.images.masks import read_mask
from deeplab.images.palette import palette
from deeplab.images.raster import read_all
from deeplab.images.tiff import TiffImage, read_georeference, write_geotiff_mask

# A square metre to the pixel, from a corner in UTM zone 32.
ON_MAP: list[tuple[int, int, int, Any, bool]] = [
    (33550, 12, 3, (1.0, 1.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 3072, 0, 1, 32632), True),
    (42113, 2, 2, "0", True),
]


def random_bands(height: int, width: int, n: int, dtype: type[np.generic] = np.uint8, top: int = 256) -> NDArray[Any]:
    bands: NDArray[Any] = np.random.default_rng(0).integers(0, top, (height, width, n)).astype(dtype)
    return bands


def write(path: Path, pixels: NDArray[np.generic], **options: Any) -> Path:
    tifffile.imwrite(path, pixels, **{"photometric": "rgb", "metadata": None, **options})
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (32, 48)},
        {"tile": (32, 48), "compression": "zlib", "predictor": True},
        {"tile": (32, 48), "compression": "lzw"},
        {"rowsperstrip": 7},
        {"rowsperstrip": 7, "compression": "packbits"},
        {"planarconfig": "separate", "tile": (16, 16)},
        {"bigtiff": True, "tile": (64, 64)},
        {"byteorder": ">", "tile": (64, 64)},
    ],
)
def test_any_window_of_any_arrangement_is_that_part_of_the_image(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = random_bands(100, 130, 3)
    stored = pixels.transpose(2, 0, 1) if "planarconfig" in options else pixels
    path = write(tmp_path / "a.tif", np.ascontiguousarray(stored), **options)
    source = open_image(path)
    assert isinstance(source, TiffImage)
    assert (source.height, source.width) == image_size(path) == (100, 130)
    for top, left, height, width in ((0, 0, 100, 130), (0, 0, 1, 1), (31, 47, 40, 60), (90, 100, 10, 30)):
        part = source.read(top, left, height, width)
        assert np.array_equal(part, pixels[top : top + height, left : left + width])
    assert np.array_equal(read_image(path), pixels)


def test_other_files_are_decoded_and_then_cut(tmp_path: Path) -> None:
    pixels = random_bands(20, 30, 3)
    path = write(tmp_path / "turned.tif", pixels, extratags=[(274, 3, 1, 6, True)])
    source = open_image(path)
    assert not isinstance(source, TiffImage)
    assert np.array_equal(read_all(source), np.rot90(pixels, -1))


def test_near_infrared_is_no_opacity(tmp_path: Path) -> None:
    bands = random_bands(64, 64, 4)
    rgb = bands[..., :3]
    named = write(tmp_path / "named.tif", bands, extrasamples=["unspecified"])
    assert np.array_equal(read_image(named), rgb)
    unnamed = write(tmp_path / "unnamed.tif", bands)
    content = bytearray(unnamed.read_bytes())
    place = content.find((338).to_bytes(2, "little"))
    content[place : place + 2] = (65000).to_bytes(2, "little")  # the tag that says what the fourth band is
    unnamed.write_bytes(content)
    called_alpha = write(tmp_path / "alpha.tif", bands, extrasamples=["unassalpha"])
    with pytest.raises(ImageError, match=r"unnamed\.tif: .* 4 bands, and nothing .* the last is; set IMAGE\.BANDS"):
        read_image(unnamed)
    with pytest.raises(ImageError, match=r"alpha\.tif: .* called opacity, .* near infrared .* set IMAGE\.BANDS"):
        read_image(called_alpha)
    for path in (named, unnamed, called_alpha):
        assert np.array_equal(read_image(path, Reading(bands=(1, 2, 3))), rgb)
        assert np.array_equal(read_image(path, Reading(bands=(4, 1, 2))), bands[..., [3, 0, 1]])
    with pytest.raises(ImageError, match=r"it has 4 bands, but IMAGE\.BANDS asks for band 5"):
        read_image(named, Reading(bands=(1, 2, 5)))


def test_real_opacity_is_laid_on_white(tmp_path: Path) -> None:
    bands = random_bands(64, 64, 4)
    bands[..., 3] = 255
    bands[:20, :, 3] = 0
    pixels = read_image(write(tmp_path / "a.tif", bands, extrasamples=["unassalpha"]))
    assert (pixels[:20] == 255).all()
    assert np.array_equal(pixels[20:], bands[20:, :, :3])


def test_bands_without_names_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", random_bands(32, 32, 5), photometric="minisblack", planarconfig="contig")
    with pytest.raises(ImageError, match=r"5 bands, and nothing in the file says which are red, .*; set IMAGE\.BANDS"):
        read_image(path)
    assert read_image(path, Reading(bands=(3, 2, 1))).shape == (32, 32, 3)
    assert read_image(path, Reading(bands=(2,))).std(axis=2).max() == 0


@pytest.mark.parametrize(("n_bits", "top"), [(10, 1024), (12, 4096)])
def test_ten_and_twelve_bits_in_sixteen_are_not_nearly_black(tmp_path: Path, n_bits: int, top: int) -> None:
    bands = random_bands(64, 64, 3, np.uint16, top)
    expected = np.rint(bands * (255 / (top - 1))).astype(np.uint8)
    tagged = write(tmp_path / "tagged.tif", bands, extratags=[(281, 3, 3, (top - 1,) * 3, True)])
    assert np.abs(read_image(tagged).astype(int) - expected).max() <= 1
    untagged = write(tmp_path / "untagged.tif", bands)
    with pytest.raises(
        ImageError, match=rf"none of its 16-bit numbers exceeds \d+, .* IMAGE.RANGE, .*\[0, {top - 1}\]"
    ):
        read_image(untagged)
    assert np.abs(read_image(untagged, Reading(value_range=(0, top - 1))).astype(int) - expected).max() <= 1
    packed = write(tmp_path / "packed.tif", bands, bitspersample=n_bits, photometric="rgb")
    assert np.abs(read_image(packed).astype(int) - expected).max() <= 1


def test_sixteen_bits_that_are_used_keep_their_range(tmp_path: Path) -> None:
    bands = random_bands(64, 64, 3, np.uint16, 65536)
    assert np.abs(read_image(write(tmp_path / "a.tif", bands)).astype(int) - bands / 257).max() <= 0.51
    black = write(tmp_path / "black.tif", np.zeros_like(bands))
    assert not read_image(black).any()


def test_floating_point_needs_a_range(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", random_bands(32, 32, 3).astype(np.float32) / 255)
    with pytest.raises(ImageError, match=r"floating-point numbers, of which .* set IMAGE\.RANGE"):
        read_image(path)
    assert np.array_equal(read_image(path, Reading(value_range=(0, 1))), random_bands(32, 32, 3))


def test_a_band_or_range_that_makes_no_sense_is_refused_with_its_key() -> None:
    for override, sentence in (
        ("IMAGE.BANDS=[1,2]", "BANDS must list 1 band or 3"),
        ("IMAGE.RANGE=[5,1]", "RANGE must"),
    ):
        with pytest.raises(Exception, match=sentence):
            parse_config({"DATASET": {"N_CLASSES": 3}}, "test", [override])


def test_a_truncated_tile_is_an_image_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", random_bands(256, 256, 3), tile=(64, 64))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ImageError, match=r"a\.tif: cannot be read: the file is truncated"):
        read_image(path)


def test_a_compression_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.tif", random_bands(32, 32, 3, np.uint16, 65536), compression="lzw")

    def fail(*_: object, **__: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(TiffImage, "_tile", fail)
    with pytest.raises(ImageError, match=r"a\.tif: its compression needs: pip install 'deeplab-platform\[geotiff\]'"):
        read_image(path)
    simple = write(tmp_path / "b.tif", random_bands(32, 32, 3), compression="lzw")
    assert np.array_equal(read_image(simple), random_bands(32, 32, 3))  # Pillow decodes it
    assert np.array_equal(read_all(open_image(simple)), random_bands(32, 32, 3))


def test_a_mask_lies_where_its_image_lies(tmp_path: Path) -> None:
    image = write(tmp_path / "a.tif", random_bands(300, 400, 3), tile=(64, 64), extratags=ON_MAP)
    labels = np.random.default_rng(0).integers(0, 256, (300, 400)).astype(np.uint8)
    georeference = read_georeference(image)
    write_geotiff_mask(tmp_path / "new" / "mask.tif", labels, georeference)
    assert np.array_equal(read_mask(tmp_path / "new" / "mask.tif"), labels)
    assert np.array_equal(read_image(tmp_path / "new" / "mask.tif"), palette()[labels])
    with tifffile.TiffFile(tmp_path / "new" / "mask.tif") as file:
        page = file.pages.first
        assert {code: page.tags[code].value for code, *_ in ON_MAP[:3]} == {
            code: value for code, _, _, value, _ in ON_MAP[:3]
        }
        assert 42113 not in page.tags  # the image's number for "no data" is a class of the mask
        assert page.is_tiled
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert read_georeference(write(tmp_path / "plain.tif", random_bands(8, 8, 3))) == []


@pytest.mark.parametrize(("compression", "pack"), [(8, zlib.compress), (34925, lzma.compress)])
def test_a_part_that_would_fill_the_memory_is_refused(
    tmp_path: Path, compression: int, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.tif"
    plain = tmp_path / "plain.tif"
    tifffile.imwrite(plain, np.zeros((16, 16), np.uint8), photometric="minisblack", compression=compression)
    packed = pack(bytes(50_000_000))
    with tifffile.TiffFile(plain, mode="r+") as file:
        tags: Any = file.pages.first.tags
        tags["StripByteCounts"].overwrite(len(packed))
        tags["StripOffsets"].overwrite(plain.stat().st_size)
    path.write_bytes(plain.read_bytes() + packed)
    with pytest.raises(ImageError, match=r"a\.tif: cannot be read: .*unpack to more than the 256 bytes"):
        read_image(path)


def test_bands_that_do_not_fit_into_memory_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((16, 16, 3), np.uint8), photometric="rgb")
    monkeypatch.setattr("deeplab.images.tiff.available_memory", lambda: 700)
    with pytest.raises(ImageError, match=r"a\.tif: cannot be read: its bands take 0\.0 GiB of memory"):
        read_image(path)
