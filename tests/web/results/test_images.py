import io
import os
from pathlib import Path

import numpy as np
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image
from werkzeug.exceptions import NotFound

from deeplab.images.bands import Reading
from deeplab.images.masks import write_mask
from deeplab.images.palette import palette
from tests.web.photos import ODD_NAMES
from tests.web.population import Population
from web.access import turns
from web.context import SETTINGS
from web.results.images import inside, send_image, send_mask
from worker.jobs.results.record import item_key


def fetch(app: Flask, path: Path, query: str = "", **headers: str) -> Response:
    with app.test_request_context(
        f"/?{query}", headers={name.replace("_", "-"): value for name, value in headers.items()}
    ):
        return send_image(path, Reading())


def decode(response: Response) -> Image.Image:
    return Image.open(io.BytesIO(response.get_data()))


def gradient(height: int, width: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (height, width, 3)).copy()


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("", (600, 300)),
        ("size=480", (480, 240)),
        ("size=9999", (600, 300)),
        ("size=1", (480, 240)),
        ("size=x", (600, 300)),
    ],
)
def test_images_are_made_smaller_but_never_larger(
    app: Flask, tmp_path: Path, query: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(gradient(300, 600)).save(path)
    response = fetch(app, path, query)
    assert response.mimetype == "image/jpeg"
    assert decode(response).size == size


@pytest.mark.parametrize("kind", ["tif", "16-bit", "palette", "rgba", "1x1"])
def test_images_that_browsers_cannot_show_are_shown(app: Flask, tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.tif" if kind == "tif" else "a.png")
    pixels = gradient(20, 30)
    image = {
        "tif": Image.fromarray(pixels),
        "16-bit": Image.fromarray(pixels[..., 0].astype(np.uint16) * 257),
        "palette": Image.fromarray(pixels).quantize(256),
        "rgba": Image.fromarray(pixels).convert("RGBA"),
        "1x1": Image.fromarray(pixels[:1, :1]),
    }[kind]
    image.save(path)
    shown = decode(fetch(app, path))
    assert (shown.format, shown.mode) == ("JPEG", "RGB")
    if kind != "1x1":
        assert np.abs(np.asarray(shown).astype(int) - pixels).mean() < 6


def test_an_unchanged_image_is_not_sent_again(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(gradient(30, 60)).save(path)
    first = fetch(app, path, "size=40")
    etag = first.headers["ETag"]
    again = fetch(app, path, "size=40", If_None_Match=etag)
    assert (again.status_code, again.get_data()) == (304, b"")
    assert fetch(app, path, "size=500", If_None_Match=etag).status_code == 200
    Image.fromarray(gradient(30, 61)).save(path)
    assert fetch(app, path, "size=40", If_None_Match=etag).status_code == 200


def test_masks_keep_their_indices_and_colours(app: Flask, tmp_path: Path) -> None:
    mask = np.repeat(np.array([[0, 1], [15, 255]], np.uint8), 960, axis=0).repeat(960, axis=1)
    write_mask(tmp_path / "a.png", mask)
    with app.test_request_context("/?size=32"):
        shown = decode(send_mask(tmp_path / "a.png", palette()))
    assert (shown.mode, shown.size) == ("P", (480, 480))
    assert np.array_equal(np.asarray(shown), mask[::4, ::4])
    assert np.array_equal(np.asarray(shown.convert("RGB")), palette()[mask[::4, ::4]])


@pytest.mark.parametrize("item", ["../a.png", "a/../../b.png", "/etc/passwd", ".."])
def test_an_item_cannot_lead_out_of_its_folder(app: Flask, tmp_path: Path, item: str) -> None:
    with app.test_request_context(), pytest.raises(NotFound):
        inside(tmp_path, item)
    assert inside(tmp_path, "..a/b..png") == tmp_path / "..a" / "b..png"


@pytest.mark.parametrize("name", [*ODD_NAMES, "000.jpg"])
def test_every_name_is_served(client: FlaskClient, population: Population, name: str) -> None:
    key = item_key(name)
    for part in ("images", "masks"):
        response = client.get(f"/jobs/{population.segmented}/{part}/{key}?size=32")
        assert response.status_code == 200
        assert Image.open(io.BytesIO(response.data)).format == ("JPEG" if part == "images" else "PNG")


def test_masks_belong_to_their_images(client: FlaskClient, population: Population) -> None:
    for name, mask in population.masks.items():
        base = f"/jobs/{population.segmented}"
        image = np.asarray(Image.open(io.BytesIO(client.get(f"{base}/images/{item_key(name)}").data))).astype(int)
        served = np.asarray(Image.open(io.BytesIO(client.get(f"{base}/masks/{item_key(name)}").data)))
        assert np.array_equal(served, mask)
        red, blue = image[..., 0] - image[..., 2], image[..., 2] - image[..., 0]
        assert red[served == 1].mean() > 60  # discs are red and bars blue
        assert blue[served == 2].mean() > 60


def test_only_images_of_the_job_are_served(client: FlaskClient, population: Population) -> None:
    for key in (item_key("../shapes/images/0.png"), item_key("/etc/passwd"), "x", "..%2f..%2fsecret_key"):
        for part in ("images", "masks", "results"):
            assert client.get(f"/jobs/{population.segmented}/{part}/{key}").status_code == 404
    assert client.get(f"/jobs/{population.trained}/images/{item_key('000.jpg')}").status_code == 404


def test_what_is_broken_or_gone_is_a_sentence(client: FlaskClient, population: Population) -> None:
    broken = item_key("broken.jpg")
    assert client.get(f"/jobs/{population.segmented}/images/{broken}").status_code == 422
    mask = client.get(f"/jobs/{population.segmented}/masks/{broken}")
    assert mask.status_code == 404
    assert "broken.jpg has no mask" in mask.text


def test_an_image_that_was_deleted_is_a_sentence(client: FlaskClient, population: Population) -> None:
    image = population.folder / "001.jpg"
    content = image.read_bytes()
    image.unlink()
    try:
        response = client.get(f"/jobs/{population.segmented}/images/{item_key('001.jpg')}")
    finally:
        image.write_bytes(content)
    assert response.status_code == 404
    assert "The file no longer exists" in response.text


def test_a_second_visit_decodes_nothing(client: FlaskClient, population: Population, tmp_path: Path) -> None:
    """The file is damaged in between without a change of its size and time, which only a decoder would notice."""
    address = f"/jobs/{population.segmented}/images/{item_key('001.jpg')}?size=48"
    image = population.folder / "001.jpg"
    content, status = image.read_bytes(), image.stat()
    first = client.get(address)
    try:
        image.write_bytes(b"x" * len(content))
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
        second = client.get(address)
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        changed = client.get(address)
    finally:
        image.write_bytes(content)
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (first.status_code, second.status_code, changed.status_code) == (200, 200, 422)
    assert first.data == second.data


def test_questions_about_an_image_decode_nothing(client: FlaskClient, population: Population) -> None:
    """Of a file that cannot be decoded, which only a decoder would notice."""
    address = f"/jobs/{population.segmented}/images/{item_key('broken.jpg')}"
    head = client.head(address)
    assert (head.status_code, head.data) == (200, b"")
    assert "Content-Length" not in head.headers
    assert client.get(address, headers={"If-None-Match": head.headers["ETag"]}).status_code == 304
    assert client.get(address).status_code == 422


def test_who_would_wait_too_long_is_told_to_come_again(
    client: FlaskClient, population: Population, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0)
    settings = app.extensions[SETTINGS]
    addresses = [
        f"/jobs/{population.segmented}/images/{item_key('001.jpg')}?size=1024",
        f"/jobs/{population.segmented}/masks/{item_key('001.jpg')}?size=1024",
        f"/jobs/{population.segmented}/tiles/{item_key('001.jpg')}/image/0/0/0",
    ]
    with turns.turn_to_decode(settings):
        for address in addresses:
            response = client.get(address)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5"), address
    assert [client.get(address).status_code for address in addresses] == [200, 200, 200]
