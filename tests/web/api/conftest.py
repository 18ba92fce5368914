from typing import Any

from flask.testing import FlaskClient


def get(client: FlaskClient, path: str, **query: object) -> Any:
    """What an address of the API answers, which must be a success."""
    response = client.get(f"/api/v1{path}", query_string=query)
    assert response.status_code == 200, response.text
    return response.json
