import io
import json
import re
import zipfile

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.web.population import Population
from worker.jobs.exports.catalog import FORMATS


def archive_of(client: FlaskClient, address: str) -> zipfile.ZipFile:
    response = client.get(address)
    assert (response.status_code, response.mimetype) == (200, "application/zip"), response.text
    return zipfile.ZipFile(io.BytesIO(response.data))


def test_all_masks_or_the_selection(client: FlaskClient, population: Population) -> None:
    address = f"/jobs/{population.segmented}/export.zip"
    every = archive_of(client, address)
    assert len([name for name in every.namelist() if name.startswith("masks/")]) == 5
    mask = np.asarray(Image.open(io.BytesIO(every.read("masks/000.png"))))
    assert np.array_equal(mask, population.masks["000.jpg"])
    chosen = archive_of(client, f"{address}?folder=deep&format=colours")
    assert chosen.namelist() == ["masks/deep/er/1.png", "palette.txt", "labels.txt"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_offers_every_format(client: FlaskClient, population: Population, name: str) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?folder=deep&sort=-seconds").text
    assert f'href="/jobs/{population.segmented}/export.zip?folder=deep&amp;format={name}"' in page
    assert f'href="/jobs/{population.segmented}/export.zip?format={name}"' in page
    response = client.get(f"/jobs/{population.segmented}/export.zip?folder=deep&format={name}")
    assert response.headers["Content-Disposition"] == f"attachment; filename=job-{population.segmented}-{name}.zip"
    assert zipfile.ZipFile(io.BytesIO(response.data)).testzip() is None


def test_masks_of_an_evaluation(client: FlaskClient, population: Population) -> None:
    archive = archive_of(client, f"/jobs/{population.evaluated}/export.zip?format=coco-rle")
    assert json.loads(archive.read("annotations.json"))["images"][0]["file_name"] == "3.png"


def test_the_menu_counts_masks(client: FlaskClient, population: Population) -> None:
    base = f"/jobs/{population.segmented}/results"
    assert ">All 5</a>" in client.get(base).text
    assert "Of what is shown" not in client.get(base).text
    chosen = client.get(f"{base}?folder=deep").text
    assert re.search(r'export.zip\?folder=deep&amp;format=masks">1</a>', chosen)
    assert "Of what is shown" not in client.get(f"{base}?name=nowhere").text
    assert "export.zip" not in client.get(f"{base}?only=errors").text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("format=png", "format must be one of masks, colours, classes, coco, "),
        ("name=nowhere", "has no masks of such images"),
        ("only=errors", "Images that failed have no masks"),
        ("class=x", "must be a class from 0 to 255"),
    ],
)
def test_what_cannot_be_sent_is_a_sentence(
    client: FlaskClient, population: Population, query: str, sentence: str
) -> None:
    response = client.get(f"/jobs/{population.segmented}/export.zip?{query}")
    assert response.status_code == 422
    assert sentence in response.text


def test_a_misspelt_filter_is_refused(client: FlaskClient, population: Population) -> None:
    response = client.get(f"/jobs/{population.segmented}/export.zip?clas=1")
    assert response.status_code == 400
    assert "clas is no filter of masks; the filters are class, in_truth, min_share" in response.text


def test_jobs_without_masks_say_so(client: FlaskClient, population: Population) -> None:
    response = client.get(f"/jobs/{population.refined}/export.zip")
    assert response.status_code == 422
    assert "has no masks" in response.text
    assert client.get(f"/jobs/{population.trained}/export.zip").status_code == 404
