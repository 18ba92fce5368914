import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.errors import ImageError
from deeplab.images.files import image_size, read_image, upright_size
from deeplab.images.kinds import IMAGE_SUFFIXES
from deeplab.images.masks import read_mask
from tests.deeplab.images.pictures import random_image, save

RED, WHITE = (255, 0, 0), (255, 255, 255)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "TIFF", "PNG"])
def test_reads_rgb_of_lossless_kinds(tmp_path: Path, suffix: str) -> None:
    pixels = read_image(save(tmp_path / f"a.{suffix}", random_image()))
    assert np.array_equal(pixels, random_image())
    assert pixels.flags.writeable


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "webp"])
def test_reads_rgb_of_lossy_kinds(tmp_path: Path, suffix: str) -> None:
    plain = np.full((20, 30, 3), (200, 120, 40), np.uint8)
    assert np.abs(read_image(save(tmp_path / f"a.{suffix}", plain)).astype(int) - plain).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((40, 24, 3), np.uint8)
    upright[:16, :8] = RED  # the top left corner, at every orientation
    undo = {1: 0, 2: 0, 3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}[orientation]
    stored = Image.fromarray(upright)
    if orientation in {2, 4, 5, 7}:
        stored = stored.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    stored = stored.rotate(undo, expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.png", "a.tif"):
        stored.save(tmp_path / name, exif=exif)
        assert np.array_equal(read_image(tmp_path / name), upright), name
        assert upright_size(tmp_path / name) == (40, 24), name


def test_damaged_exif_does_not_hide_the_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", random_image(), exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff\x01\x12")
    assert np.array_equal(read_image(path), random_image())


def test_16_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    grey = np.array([[0, 257, 32768, 65535]], np.uint16)
    for name in ("a.png", "a.tif"):
        assert read_image(save(tmp_path / name, grey))[0].tolist() == [[v] * 3 for v in (0, 1, 128, 255)]


def test_grey_bilevel_and_palette_become_rgb(tmp_path: Path) -> None:
    grey = np.array([[0, 255], [255, 0]], np.uint8)
    expected = np.repeat(grey[..., None], 3, axis=2)
    for mode in ("L", "1", "P"):
        assert np.array_equal(read_image(save(tmp_path / f"{mode}.png", grey, mode)), expected), mode


def test_transparent_pixels_become_white(tmp_path: Path) -> None:
    rgba = np.array([[(*RED, 255), (0, 0, 0, 0), (0, 0, 0, 51)]], np.uint8)
    assert read_image(save(tmp_path / "rgba.png", rgba))[0].tolist() == [list(RED), list(WHITE), [204] * 3]
    grey_alpha = Image.merge("LA", [Image.new("L", (1, 1), 9), Image.new("L", (1, 1), 0)])
    grey_alpha.save(tmp_path / "la.png")
    assert read_image(tmp_path / "la.png")[0, 0].tolist() == list(WHITE)
    paletted = Image.new("P", (1, 1), 1)
    paletted.putpalette([0, 0, 0, *RED])
    paletted.save(tmp_path / "p.png", transparency=1)
    assert read_image(tmp_path / "p.png")[0, 0].tolist() == list(WHITE)


def test_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", np.full((16, 16, 3), (220, 40, 60), np.uint8), "CMYK", quality=100)
    assert np.abs(read_image(path).astype(int) - (220, 40, 60)).max() <= 4


def test_one_pixel(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "a.png", np.full((1, 1, 3), 7, np.uint8))).tolist() == [[[7, 7, 7]]]


def test_floats_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", np.full((4, 4), 0.5, np.float32))
    with pytest.raises(
        ImageError, match=r"a\.tif: cannot be read: its pixels are floating-point numbers, .* IMAGE\.RANGE"
    ):
        read_image(path)


def test_truncated_jpeg_names_file_and_reason(tmp_path: Path) -> None:
    path = save(tmp_path / "half.jpg", random_image(200, 200))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ImageError, match=r"half\.jpg: cannot be read: .*truncated"):
        read_image(path)


def test_every_truncation_of_every_kind_is_an_image_error(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "bmp", "tif", "webp"):
        whole = save(tmp_path / f"whole.{suffix}", random_image()).read_bytes()
        path = tmp_path / f"part.{suffix}"
        for length in range(0, len(whole) // 2, max(1, len(whole) // 40)):
            path.write_bytes(whole[:length])
            with pytest.raises(ImageError, match="part"):
                read_image(path)


def test_pixels_of_a_png_that_were_changed_are_an_image_error(tmp_path: Path) -> None:
    path = tmp_path / "labels.png"
    Image.fromarray(np.repeat(np.arange(8, dtype=np.uint8), 64).reshape(16, 32)).save(path)
    content = path.read_bytes()
    pixels = range(content.index(b"IDAT") + 4, content.index(b"IEND") - 4)
    for place in pixels:
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        for read in (read_image, read_mask):
            with pytest.raises(ImageError, match=r"labels\.png: cannot be read: its checksum is wrong"):
                read(path)


def test_text_named_jpg_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("no image")
    with pytest.raises(ImageError, match=r"notes\.jpg: is not an image in a supported format"):
        read_image(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.jpg: the file does not exist"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="is not a file"):
        read_image(tmp_path)


def test_memory_is_the_only_limit_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "large.png", np.zeros((14_000, 14_000), np.uint8))  # Pillow's own limit is below
    assert image_size(path) == (14_000, 14_000)
    monkeypatch.setattr("deeplab.images.pillow.available_memory", lambda: 2**30)
    with pytest.raises(ImageError, match=r"14000x14000 pixels take 1\.5 GiB of memory, but 1\.0 GiB are free; save it"):
        read_image(path)


def test_a_size_that_the_file_cannot_hold_is_a_damaged_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", random_image(20, 30))
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png: .* says 60000x60000 pixels, which [\d,]+ bytes cannot hold"):
        read_image(path)


def test_threads_read_at_the_same_time(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", random_image())
    seen: list[bool] = []
    threads = [
        threading.Thread(target=lambda: seen.append(np.array_equal(read_image(path), random_image())))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 16


@pytest.mark.parametrize("suffix", ["gif", "jfif", "ppm", "tga", "jp2", "avif", "dib"])
def test_other_kinds_of_images(tmp_path: Path, suffix: str) -> None:
    if f".{suffix}" not in IMAGE_SUFFIXES:
        pytest.skip("Pillow lacks this decoder here")
    plain = np.full((20, 30, 3), (204, 120, 40), np.uint8)
    image = save(tmp_path / f"a.{suffix}", plain, **({"format": "JPEG"} if suffix == "jfif" else {}))
    assert np.abs(read_image(image).astype(int) - plain).max() <= 8


def test_of_a_moving_gif_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, WHITE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / "a.gif") == RED).all()


def test_grey_pgm(tmp_path: Path) -> None:
    assert (read_image(save(tmp_path / "a.pgm", np.full((2, 3), 90, np.uint8))) == 90).all()


def test_photos_of_iphones_are_read_with_pillow_heif(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    plain = np.full((20, 30, 3), (204, 120, 40), np.uint8)
    for name in ("a.heic", "renamed.jpg"):
        path = save(tmp_path / name, plain, format="HEIF")
        assert np.abs(read_image(path).astype(int) - plain).max() <= 8
