from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def get(client: FlaskClient, path: str, **query: object) -> Any:
    """What an address of the API answers, which must be a success."""
    response = client.get(f"/api/v1{path}", query_string=query)
    assert response.status_code == 200, response.text
    return response.json


def errors_of(response: TestResponse) -> dict[str, str]:
    """What problem details say of each field, by its path, or of each parameter."""
    assert response.mimetype == "application/problem+json"
    problem: Any = response.json
    return {each.get("parameter") or each["pointer"].removeprefix("#/"): each["detail"] for each in problem["errors"]}
