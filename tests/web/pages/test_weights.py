from io import BytesIO

import torch
from flask.testing import FlaskClient

from deeplab.config import load_config
from deeplab.models.build import build_from_config
from tests.web.conftest import SubmitForm
from tests.web.population import Population
from worker.jobs import jobs, storage
from worker.jobs.database import open_session


def weights(population: Population) -> BytesIO:
    """Those of an untrained model."""
    file = BytesIO()
    torch.save(build_from_config(load_config(population.dataset / "config.yaml")).state_dict(), file)
    file.seek(0)
    return file


def test_weights_are_sent_with_their_configuration(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    config, path = (population.dataset / "config.yaml").read_bytes(), population.dataset / "model.pth"
    path.write_bytes(weights(population).read())
    answer = submit_form(
        "/weights/new",
        file=str(path),
        sent_config=(BytesIO(config), "model.yaml"),
        dataset="shapes",
        name="From elsewhere",
    )
    job_id = int(answer.headers["Location"].rpartition("/")[2])
    with open_session(population.settings) as session:
        job = jobs.get(session, job_id)
    assert (job.kind, job.name, job.dataset) == ("register", "From elsewhere", "shapes")
    assert job.spec["config"].startswith(str(storage.uploads_dir(population.settings)))
    assert "Weights file" in client.get(f"/jobs/{job_id}").text


def test_what_is_wrong_is_said_beside_the_field(submit_form: SubmitForm, population: Population) -> None:
    page = submit_form("/weights/new", sent_file=(BytesIO(b"<!doctype html>"), "model.pth"), config="/etc/passwd").text
    assert "is outside the folders" in page
    config = str(population.dataset / "config.yaml")
    page = submit_form("/weights/new", sent_file=(BytesIO(b"<!doctype html>"), "model.pth"), config=config).text
    assert "is a web page and not weights" in page


def test_what_was_never_uploaded_is_named(client: FlaskClient, population: Population) -> None:
    config = str(population.dataset / "config.yaml")
    request = {"kind": "register", "file": "upload:" + "0" * 32, "config": config}
    answer = client.post("/api/v1/jobs", json=request)
    assert answer.status_code == 422
    assert "There is no upload" in answer.text


def test_an_onnx_file_is_written_by_a_job(client: FlaskClient, submit_form: SubmitForm, population: Population) -> None:
    answer = submit_form("/checkpoints/2/onnx")
    job_id = int(answer.headers["Location"].rpartition("/")[2])
    assert client.get(f"/jobs/{job_id}/model.onnx").status_code == 404
    fence = population.claim(job_id)
    path = storage.onnx_path(population.settings, job_id, fence)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"onnx")
    result = {"file": str(path), "n_bytes": 4, "sha256": "0" * 64, "difference": 1e-6}
    population.finish(job_id, fence, result=result)
    assert client.get(f"/jobs/{job_id}/model.onnx", buffered=True).data == b"onnx"
    assert f'href="/jobs/{job_id}/model.onnx"' in client.get("/checkpoints/2").text
