from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.api.conftest import get
from web.api.description import WHOLE
from web.api.endpoint import Endpoint
from worker.jobs.catalog import KINDS


def test_the_index_leads_to_what_is_there(client: FlaskClient) -> None:
    for address in get(client, "").values():
        assert client.get(address).status_code == 200


def test_the_document_has_every_address_and_refers_only_to_what_it_has(client: FlaskClient) -> None:
    document = get(client, "/openapi.json")
    assert document["openapi"] == "3.1.0"
    operations = {each["operationId"] for methods in document["paths"].values() for each in methods.values()}
    assert operations == {endpoint.name for endpoint in WHOLE}
    for reference in _references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_it_says_what_a_request_and_an_answer_hold(client: FlaskClient) -> None:
    document = get(client, "/openapi.json")
    schemas = document["components"]["schemas"]
    assert schemas["Job"]["properties"]["created_at"] == {
        "format": "date-time",
        "title": "Created At",
        "type": "string",
    }
    kinds = document["paths"]["/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert [each["properties"]["kind"]["const"] for each in kinds] == list(KINDS)
    assert kinds[0]["required"] == ["kind"]  # a preset may take the place of the configuration
    assert kinds[1]["required"] == ["kind", "checkpoint"]


@pytest.mark.parametrize("endpoint", WHOLE, ids=lambda each: each.name)
def test_every_address_says_what_it_does(endpoint: Endpoint) -> None:
    assert endpoint.summary.endswith(".")
    assert endpoint.status in (200, 201)
    assert (endpoint.body is None and not endpoint.takes_content) == (endpoint.method in ("GET", "DELETE"))


def test_the_page_for_people_has_every_address_and_no_script_of_its_own(client: FlaskClient) -> None:
    page = client.get("/api/v1/docs").text
    for endpoint in WHOLE:
        assert f'id="{endpoint.name}"' in page
    assert "<style" not in page
    assert 'style="' not in page


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {found for each in value for found in _references(each)}
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(each) for each in value.values()))
    return set()
