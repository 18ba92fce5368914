from pathlib import Path

from flask.testing import FlaskClient

from web.access.folders import shipped_configs
from worker.jobs.settings import Settings


def test_folders_are_listed_only_under_the_roots(new_client: FlaskClient, new_settings: Settings) -> None:
    root = new_settings.roots[0]
    (root / "c.yaml").touch()
    top = new_client.get("/api/v1/folders").json
    assert top is not None
    assert [entry["path"] for entry in top["folders"]] == [str(root)]
    assert [Path(entry["path"]) for entry in top["shipped_configs"]] == [Path(each.path) for each in shipped_configs()]
    assert new_client.get("/api/v1/folders", query_string={"path": str(root)}).json["files"][0]["name"] == "c.yaml"  # type: ignore[index]
    refused = new_client.get("/api/v1/folders", query_string={"path": "/etc"})
    assert refused.status_code == 422
    assert refused.json["detail"].startswith("/etc is outside")  # type: ignore[index]
