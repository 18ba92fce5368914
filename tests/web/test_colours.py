"""A class has one colour, wherever it is shown."""

import io
from collections.abc import Iterator
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.web.population import Population
from worker.jobs.results.record import item_key


@pytest.fixture
def chosen(population: Population) -> Iterator[str]:
    """The colour that the labels file gives to the class disc, for a while."""
    labels = population.dataset / "labels.txt"
    content = labels.read_text()
    labels.write_text(content.replace("disc", "disc\t#123456"))
    yield "#123456"
    labels.write_text(content)


def test_pages_show_the_colour_that_the_labels_file_gives(
    client: FlaskClient, population: Population, chosen: str
) -> None:
    segmented, evaluated, key = population.segmented, population.evaluated, item_key("000.jpg")
    pages = [f"/jobs/{segmented}/results", f"/jobs/{segmented}/results/{key}", f"/jobs/{evaluated}"]
    pages += [f"/evaluations/compare?job={evaluated}&job={population.refined}", f"/jobs/{evaluated}/results"]
    for address in pages:
        page = client.get(address).text
        assert f'color="{chosen}"' in page, address
        assert 'color="#800000"' not in page, address
    api = client.get(f"/api/v1/comparisons?job={evaluated}").get_json()
    assert [line["colour"] for line in api["classes"] if line["title"] == "disc"] == [chosen]
    archive = ZipFile(io.BytesIO(client.get(f"/jobs/{segmented}/export.zip?format=label-studio").data))
    assert f'background="{chosen}"' in archive.read("label_config.xml").decode()


def test_pictures_of_masks_are_made_anew_in_other_colours(
    client: FlaskClient, population: Population, request: pytest.FixtureRequest
) -> None:
    address = f"/jobs/{population.segmented}/masks/{item_key('000.jpg')}?size=480"
    first = client.get(address)
    assert disc_in(first.data) == [128, 0, 0]
    request.getfixturevalue("chosen")
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert disc_in(again.data) == [0x12, 0x34, 0x56]


def disc_in(png: bytes) -> list[int]:
    """The colour of class 1 in a mask."""
    palette = Image.open(io.BytesIO(png)).getpalette("RGB")
    assert palette is not None
    return palette[3:6]
