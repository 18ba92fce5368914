from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.population import Population
from web.context import LARGEST_REQUEST
from worker.jobs import uploads


def put(client: FlaskClient, upload_id: str, name: str, content: bytes, offset: int = 0, **headers: str) -> Any:
    return client.put(
        f"/api/v1/uploads/{upload_id}",
        query_string={"name": name, "offset": offset},
        data=content,
        headers={"Content-Type": "application/octet-stream", **headers},
    )


def test_an_upload_in_parts_is_imported(client: FlaskClient, population: Population) -> None:
    content = bytes(LARGEST_REQUEST) + b"end"
    begun: Any = client.post("/api/v1/uploads", json={"n_files": 1, "n_bytes": len(content)})
    assert (begun.status_code, begun.json["part_bytes"]) == (201, LARGEST_REQUEST)
    upload_id = begun.json["id"]
    assert put(client, upload_id, "a.zip", content[:LARGEST_REQUEST]).json == {"size": LARGEST_REQUEST}
    assert put(client, upload_id, "a.zip", b"end", LARGEST_REQUEST).json == {"size": len(content)}
    finished: Any = client.post(f"/api/v1/uploads/{upload_id}/finish", json={}).json
    assert finished == {"id": upload_id, "n_files": 1, "n_bytes": len(content)}
    assert uploads.find(population.settings, upload_id).read_bytes() == content
    body = {"kind": "import", "source": f"upload:{upload_id}", "dataset": "uploaded"}
    job: Any = client.post("/api/v1/jobs", json=body)
    assert (job.status_code, job.json["dataset"]) == (201, "uploaded")
    assert client.delete(f"/api/v1/uploads/{upload_id}").status_code == 200
    again: Any = client.post("/api/v1/jobs", json={**body, "dataset": "again"})
    assert again.status_code == 422


def test_bad_uploads_are_refused(client: FlaskClient, population: Population) -> None:
    for body in (
        {},
        {"n_files": 0, "n_bytes": 1},
        {"n_files": 1, "n_bytes": 1.5},
        {"n_files": 1, "n_bytes": 1, "x": 1},
    ):
        assert client.post("/api/v1/uploads", json=body).status_code == 422
    assert client.post("/api/v1/uploads", json={"n_files": 1, "n_bytes": 10**15}).status_code == 422
    begun: Any = client.post("/api/v1/uploads", json={"n_files": 1, "n_bytes": 2**22}).json
    assert put(client, begun["id"], "../a", b"x").status_code == 422
    assert put(client, begun["id"], "a", bytes(LARGEST_REQUEST + 1)).status_code == 413
    assert put(client, "0" * 32, "a", b"x").status_code == 422
    assert client.put(f"/api/v1/uploads/{begun['id']}?name=a", data={"a": "b"}).status_code == 415
    assert put(client, begun["id"], "a", b"x", Origin="http://evil.example").status_code == 403
    assert client.post(f"/api/v1/uploads/{begun['id']}/finish", json={}).status_code == 422


@pytest.mark.parametrize("source", ["/etc", "upload:../../etc"])
def test_an_import_names_no_path_outside(client: FlaskClient, population: Population, source: str) -> None:
    response: Any = client.post("/api/v1/jobs", json={"kind": "import", "source": source, "dataset": "x"})
    assert response.status_code == 422
    assert "source" in str(response.json)
