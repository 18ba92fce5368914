import html
import io
import json
import re
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image

from tests.web.photos import BROKEN
from tests.web.population import Population
from tests.web.viewed import LARGE, Viewed, make_viewed
from worker.jobs import storage
from worker.jobs.results.record import item_key


@pytest.fixture(scope="module")
def viewed(population: Population) -> Viewed:
    return make_viewed(population)


def data_of(page: str) -> Mapping[str, Any]:
    """What the scripts of a page are told."""
    found = re.search(r'data-view="([^"]*)"', page)
    assert found is not None
    data: Mapping[str, Any] = json.loads(html.unescape(found[1]))
    return data


def layers_of(page: str) -> dict[str, str]:
    return {layer["id"]: layer["title"] for layer in data_of(page)["layers"]}


def pixels_of(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


def assemble(client: FlaskClient, tiles: str, level: int, height: int, width: int) -> NDArray[np.uint8]:
    """All tiles of a level."""
    rows = []
    for row in range(-(-height // 512)):
        columns = range(-(-width // 512))
        parts = [pixels_of(client.get(f"{tiles}/{level}/{row}/{column}").data) for column in columns]
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows)


def test_every_layer_of_an_evaluated_image_is_there(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("0")).text
    assert layers_of(page) == {
        "image": "Image",
        "a": "Prediction",
        "truth": "Ground truth",
        "confidence": "Confidence",
        "crf": f"Job {viewed.refined}, after CRF",
    }
    data = data_of(page)
    assert (data["width"], data["height"], data["names"], data["ignore"]) == (64, 48, ["ground", "disc", "bar"], 255)
    assert "1 of 5" in page
    assert 'role="alert">' not in page.replace('stage-error" role="alert" hidden>', "")


def test_a_refined_image_is_compared_with_what_was_before(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(f"/jobs/{viewed.refined}/results/{item_key('0')}").text
    assert layers_of(page)["crf"] == f"Job {viewed.evaluated}, before CRF"


def test_another_job_on_the_same_images_is_a_layer(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("0", f"?b={viewed.segmented}")).text
    assert layers_of(page)["b"] == f"Job {viewed.segmented}"
    assert f'<option value="{viewed.segmented}" selected>' in page
    back = client.get(f"/jobs/{viewed.segmented}/results/{item_key('0.png')}?b={viewed.evaluated}").text
    assert set(layers_of(back)) == {"image", "a", "b", "truth"}


def test_a_job_of_other_classes_is_refused(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("0", f"?b={viewed.others}")).text
    assert f"Job {viewed.others} tells 5 classes apart and job {viewed.evaluated} 3;" in page
    assert "b" not in layers_of(page)
    assert f'<option value="{viewed.others}"' not in page


def test_a_job_that_cannot_be_compared_is_said_so(client: FlaskClient, viewed: Viewed, population: Population) -> None:
    trained = client.get(viewed.address("0", f"?b={population.trained}")).text
    assert f"Job {population.trained} has labelled no images" in trained
    photos = client.get(viewed.address("0", f"?b={population.segmented}")).text
    assert f"Job {population.segmented} has no label map of 0." in photos
    assert "There is no job 9999." in client.get(viewed.address("0", "?b=9999")).text


def test_a_label_map_of_another_size_is_not_shown(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("misfit")).text
    assert f"Prediction of job {viewed.evaluated} is 40x48 pixels, but the image is 64x48; it is not shown." in page
    assert set(layers_of(page)) == {"image", "truth", "confidence", "crf"}


def test_a_missing_label_map_is_said_so(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("unsaved")).text
    assert f"The label map of this image by job {viewed.evaluated} is gone." in page
    assert "image" in layers_of(page)


def test_an_image_with_an_error_shows_the_image_and_the_error(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results/{item_key(BROKEN)}").text
    assert page.count("is not an image in a supported format") == 2  # why it failed, and why it is not shown
    assert "There is nothing to show" not in page
    assert "data-view" not in page


def test_an_image_that_is_gone_leaves_its_label_map(client: FlaskClient, population: Population) -> None:
    gone = make_viewed(population, "gone")
    shutil.rmtree(gone.root / "images")
    page = client.get(gone.address("0")).text
    assert "the folder does not exist" in page or "no image" in page
    assert "a" in layers_of(page)
    assert "image" not in layers_of(page)


def test_classes_have_their_shares_and_iou(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("0", f"?b={viewed.refined}")).text
    table = page[page.index('id="classes"') : page.index("</table>", page.index('id="classes"'))]
    rows = re.findall(r'<tr data-class="(\d+)">.*?title="Show only (\w+)".*?</tr>', table, re.DOTALL)
    assert dict(rows) == {"0": "ground", "1": "disc", "2": "bar", "255": "ignored"}
    assert f"Job {viewed.refined}</th>" in table
    assert 'color="#cd463c"' in table  # as the labels file says
    assert 'color="#008000"' in table  # as in masks, where it says nothing


def test_tiles_are_the_values_of_the_files(client: FlaskClient, viewed: Viewed) -> None:
    for layer, expected in (("labels", viewed.labels), ("truth", viewed.truths), ("confidence", viewed.confidence)):
        whole = assemble(client, viewed.tiles("large", layer), 0, *LARGE)
        assert np.array_equal(whole, expected["large"]), layer
        half = assemble(client, viewed.tiles("large", layer), 1, 350, 650)
        assert np.array_equal(half, expected["large"][::2, ::2]), layer
        small = pixels_of(client.get(f"{viewed.tiles('large', layer)}/2/0/0").data)
        assert np.array_equal(small, expected["large"][::4, ::4]), layer
    image = assemble(client, viewed.tiles("large", "image"), 0, *LARGE).astype(int)
    assert np.abs(image - np.asarray(Image.open(viewed.root / "images" / "large.png"))).mean() < 6


def test_tiles_of_refined_and_segmented_images(client: FlaskClient, viewed: Viewed) -> None:
    refined = pixels_of(client.get(f"{viewed.tiles('0', 'labels', viewed.refined)}/0/0/0").data)
    assert np.array_equal(refined, viewed.refinements["0"])
    segmented = pixels_of(client.get(f"{viewed.tiles('0.png', 'labels', viewed.segmented)}/0/0/0").data)
    assert np.array_equal(segmented, viewed.labels["0"])


@pytest.mark.parametrize("place", ["3/0/0", "0/2/0", "0/0/3", "2/0/1", "99/0/0"])
def test_there_is_no_tile_beyond_the_image(client: FlaskClient, viewed: Viewed, place: str) -> None:
    assert client.get(f"{viewed.tiles('large', 'labels')}/{place}").status_code == 404


def test_a_browser_keeps_tiles_until_their_file_changes(client: FlaskClient, viewed: Viewed) -> None:
    page = client.get(viewed.address("1")).text
    layer = next(each for each in data_of(page)["layers"] if each["id"] == "a")
    address = f"{layer['tiles']}0/0/0"
    first = client.get(f"{address}?v={layer['version']}")
    assert "immutable" in first.headers["Cache-Control"]
    assert "private" in first.headers["Cache-Control"]
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, "no-cache" in again.headers["Cache-Control"]) == (304, b"", True)
    assert "immutable" not in client.get(f"{address}?v=other").headers["Cache-Control"]


def test_only_images_and_layers_of_the_job_are_served(
    client: FlaskClient, viewed: Viewed, population: Population
) -> None:
    for key in (item_key("/etc/passwd"), item_key("../viewed/images/0"), "x", "..%2f..%2fsecret_key", "-1", "f" * 40):
        assert client.get(f"/jobs/{viewed.evaluated}/tiles/{key}/image/0/0/0").status_code == 404
        assert client.get(f"/jobs/{viewed.evaluated}/results/{key}").status_code == 404
    assert client.get(f"{viewed.tiles('0', 'logits')}/0/0/0").status_code == 404
    assert client.get(f"{viewed.tiles('0', 'truth', viewed.segmented)}/0/0/0").status_code == 404
    assert client.get(f"/jobs/{population.trained}/tiles/{item_key('0')}/image/0/0/0").status_code == 404


def test_why_a_tile_cannot_be_made_is_a_sentence(client: FlaskClient, viewed: Viewed) -> None:
    (viewed.root / "masks" / "unsaved.png").write_text("This is no mask.")
    response = client.get(f"{viewed.tiles('unsaved', 'truth')}/0/0/0")
    assert (response.status_code, response.mimetype) == (422, "text/plain")
    assert "unsaved.png: is not an image in a supported format" in response.text


def test_tiles_are_kept_in_the_home_folder(client: FlaskClient, viewed: Viewed, population: Population) -> None:
    client.get(f"{viewed.tiles('0', 'labels')}/0/0/0")
    kept = list(storage.tiles_dir(population.settings).glob("*/*.zip"))
    assert kept
    assert all(path.stat().st_size > 0 for path in kept)
