from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from deeplab.images.masks import write_mask
from tests.web.conftest import SubmitForm
from tests.web.population import Population
from worker.jobs import jobs, leases, storage
from worker.jobs.cleaning import tries
from worker.jobs.database import open_session
from worker.jobs.results import parts
from worker.jobs.results.job_files import TRIED
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings


def picture() -> BytesIO:
    file = BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 40)).save(file, format="PNG")
    file.seek(0)
    return file


def finish(population: Population, job_id: int) -> None:
    """Do what a worker does for a try with the CRF."""
    settings, fence = population.settings, population.claim(job_id)
    image = storage.tried_image_path(settings, job_id, fence)
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(picture().read())
    labels = Image.new("L", (64, 48), 1)
    for path in (
        storage.label_maps_dir(settings, job_id, fence) / f"{TRIED}.png",
        storage.refined_path(settings, job_id, fence),
    ):
        write_mask(path, np.array(labels))
    part = storage.part_dir(settings, job_id, fence, 1)
    write_part(part, [ImageResult(TRIED, 64, 48, "ok", "", 0.5, {1: 64 * 48})])
    with leases.fenced(settings, job_id, fence) as session:
        parts.add(session, job_id, part, 1)
    population.finish(job_id, fence, result={"mask": "x.png", "seconds": 0.5})


def tried(client: FlaskClient, submit_form: SubmitForm) -> int:
    answer = submit_form("/checkpoints/2/try", image=(picture(), "photo.png"), crf="on", BI_W="7.5")
    assert answer.headers["Location"].startswith("/tries/"), client.get(answer.headers["Location"]).text
    return int(answer.headers["Location"].rpartition("/")[2])


def test_an_image_is_tried_awaited_and_shown_in_the_viewer(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    job_id = tried(client, submit_form)
    with open_session(population.settings) as session:
        job = jobs.get(session, job_id)
    assert (job.kind, job.priority, job.spec["crf"], job.config["CRF"]["BI_W"]) == ("try", 10, True, 7.5)
    assert Path(job.spec["image"]).read_bytes() == picture().read()
    assert "Waiting for a worker" in client.get(f"/tries/{job_id}").text
    assert f'href="/jobs/{job_id}"' not in client.get("/jobs").text
    finish(population, job_id)
    poll = client.get(f"/tries/{job_id}", headers={"HX-Request": "true"})
    viewer = poll.headers["HX-Redirect"]
    page = client.get(viewer).text
    assert client.get(f"/tries/{job_id}").headers["Location"] == viewer
    assert '"first": "crf"' in page.replace("&#34;", '"')
    assert 'name="BI_W" min="0"' in page
    assert "After CRF" in page
    again = submit_form("/checkpoints/2/try", again=str(job_id), BI_W="2")
    with open_session(population.settings) as session:
        second = jobs.get(session, int(again.headers["Location"].rpartition("/")[2]))
    assert (second.spec["crf"], second.spec["image"]) == (
        False,
        str(storage.tried_image_path(population.settings, job_id, 1)),
    )


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"no image", "x.png", ">x.png: is not an image"),
        (b"", "x.png", "The file is empty."),
        (b"x", "../x", "cannot be the name of a file"),
    ],
)
def test_what_is_no_image_is_refused(
    client: FlaskClient, submit_form: SubmitForm, content: bytes, name: str, sentence: str
) -> None:
    answer = submit_form("/checkpoints/2/try", image=(BytesIO(content), name))
    assert sentence in client.get(answer.headers["Location"].partition("#")[0]).text
    assert "Choose an image" in client.get(submit_form("/checkpoints/2/try").headers["Location"].partition("#")[0]).text


def test_an_image_of_too_many_bytes_is_refused(client: FlaskClient) -> None:
    answer = client.post("/checkpoints/2/try", data=bytes(34 * 2**20), content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413
    assert "the limit is 34,603,008 bytes" in answer.text


def test_only_the_page_of_a_checkpoint_may_open_the_camera(client: FlaskClient) -> None:
    assert "camera=(self)" in client.get("/checkpoints/2").headers["Permissions-Policy"]
    assert "camera=()" in client.get("/checkpoints").headers["Permissions-Policy"]


def test_tries_are_deleted_some_time_after_their_end(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    job_id = tried(client, submit_form)
    with open_session(population.settings) as session:
        image = Path(jobs.get(session, job_id).spec["image"])
        jobs.cancel(session, job_id)
    tries.delete_old(population.settings)
    assert client.get(f"/tries/{job_id}").status_code == 200
    at_once: Settings = population.settings.model_copy(update={"try_seconds": -1.0})
    tries.delete_old(at_once)
    assert client.get(f"/tries/{job_id}").status_code == 404
    assert not image.parent.exists()
