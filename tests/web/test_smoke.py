from flask.testing import FlaskClient
from tests.web.population import Population
import pytest


def test_pages(client: FlaskClient, population: Population) -> None:
    p = population
    for url in [
        "/jobs",
        "/jobs?state=failed",
        "/jobs/new/train",
        "/jobs/new/evaluate",
        "/jobs/new/crf",
        "/jobs/new/segment",
        f"/jobs/new/segment?clone={p.segmented}",
        "/checkpoints",
        f"/evaluations/compare?job={p.evaluated}&job={p.refined}",
        "/datasets",
        "/workers",
        "/pick",
        "/pick?for=config",
        f"/pick?path={p.root}",
        *(f"/jobs/{n}" for n in range(1, 10)),
        f"/jobs/{p.segmented}/results",
        f"/jobs/{p.segmented}/results?only=errors",
        f"/jobs/{p.segmented}/manifest.csv",
        "/api/v1/health",
        "/api/v1/jobs",
        *(f"/api/v1/jobs/{n}" for n in range(1, 10)),
        "/api/v1/checkpoints",
        "/api/v1/evaluations",
        "/api/v1/workers",
        "/api/v1/datasets",
        "/api/v1/folders",
        f"/api/v1/jobs/{p.segmented}/items",
    ]:
        r = client.get(url)
        assert r.status_code == 200, (url, r.status_code, r.text[:3000])
