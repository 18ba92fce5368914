"""Compressed responses, and files that browsers keep."""

import gzip
import re

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize("address", ["/jobs", "/api/v1/jobs", "/static/vendor/bootstrap.min.css", "/static/app.js"])
def test_texts_are_compressed(client: FlaskClient, address: str) -> None:
    plain = client.get(address, buffered=True)
    packed = client.get(address, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) < 0.5 * len(plain.data)
    if address.startswith("/static"):  # pages hold a token and times
        assert gzip.decompress(packed.data) == plain.data


def test_browsers_keep_files_of_a_version(client: FlaskClient) -> None:
    page = client.get("/jobs").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(addresses) > 3
    for address in addresses:
        response = client.get(address, buffered=True)
        assert response.status_code == 200, address
        assert "immutable" in response.headers["Cache-Control"], address


def test_a_file_without_a_version_is_asked_for_each_time(client: FlaskClient) -> None:
    response = client.get("/static/app.js", buffered=True)
    assert response.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/app.js", headers={"If-None-Match": response.headers["ETag"]}, buffered=True)
    assert again.status_code == 304


def test_pages_are_not_kept(client: FlaskClient) -> None:
    assert client.get("/jobs").headers["Cache-Control"] == "no-store"


def test_the_first_visit_is_light(client: FlaskClient) -> None:
    page = client.get("/jobs", headers={"Accept-Encoding": "zstd"})
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/jobs").text)
    files = [client.get(address, headers={"Accept-Encoding": "zstd"}, buffered=True) for address in addresses]
    assert len(page.data) + sum(len(file.data) for file in files) < 150_000
