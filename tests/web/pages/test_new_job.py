import re

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import SubmitForm, form_sender
from tests.web.population import Population
from tests.web.scenes import make_dataset
from worker.jobs import jobs
from worker.jobs.catalog import KINDS, PASSING
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


def test_a_new_job_is_a_train_job_first(client: FlaskClient) -> None:
    assert client.get("/jobs/new").headers["Location"] == "/jobs/new/train"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != PASSING])
def test_every_kind_has_a_form(client: FlaskClient, kind: str) -> None:
    page = client.get(f"/jobs/new/{kind}").text
    assert f'<form method="post" action="/jobs/new/{kind}"' in page
    for label in re.findall(r'<label[^>]* for="([^"]+)"', page):
        assert f'id="{label}"' in page
    assert page.count('aria-current="page">') == 1


def test_other_kinds_are_404(client: FlaskClient) -> None:
    assert client.get("/jobs/new/paint").status_code == 404


def test_lists_what_there_is_to_choose(client: FlaskClient, population: Population) -> None:
    segment = client.get("/jobs/new/segment").text
    assert "shapes (3 classes)" in segment
    assert "2 · DeepLabV2_ResNet50_MSC, job 1, iteration 1\u202f200, mean IoU 65.2\u202f% on val" in segment
    crf = client.get("/jobs/new/crf").text
    assert f'<option value="{population.evaluated}">' in crf
    assert '<option value="val">' in client.get("/jobs/new/evaluate").text


def test_a_link_can_fill_in_any_field(client: FlaskClient) -> None:
    page = client.get("/jobs/new/evaluate?checkpoint=1&dataset=shapes&nonsense=1").text
    assert re.search(r'<option value="1" selected>1 · ', page)
    assert '<option value="shapes" selected>' in page


def test_clone_fills_in_a_job(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/new/segment?clone={population.segmented}&checkpoint=1").text
    assert f'value="{population.folder}"' in page
    assert re.search(r'<option value="1" selected>', page)
    assert re.search(r'name="batch_size" value="2"', page)
    assert '<details class="more" open>' in page  # the batch size is not the default
    assert f'<input type="hidden" name="clone" value="{population.segmented}">' in page
    assert client.get("/jobs/new/segment?clone=999").status_code == 404


def test_submitting_leads_to_the_job(submit_form: SubmitForm, population: Population) -> None:
    response = submit_form(
        "/jobs/new/segment",
        checkpoint="2",
        input=str(population.folder),
        overlays="on",
        batch_size="8",
        clone=population.segmented,
    )
    assert response.status_code == 302
    job_id = int(response.headers["Location"].rpartition("/")[2])
    with open_session(population.settings, reads_only=True) as session:
        job = jobs.get(session, job_id)
    assert (job.kind, job.spec["overlays"], job.spec["batch_size"]) == ("segment", True, 8)
    assert job.parent_id == population.segmented


def test_a_submission_without_a_broker_says_so(new_client: FlaskClient, new_settings: Settings) -> None:
    dataset = make_dataset(new_settings.roots[0] / "shapes")
    response = form_sender(new_client)("/jobs/new/train", config=str(dataset / "config.yaml"))
    assert "Job 1 is queued, but the broker cannot be reached" in new_client.get(response.headers["Location"]).text


def test_errors_stand_beside_the_fields_and_what_was_entered_is_kept(
    submit_form: SubmitForm, population: Population
) -> None:
    response = submit_form("/jobs/new/train", config="", seed="many", dataset="shapes", overrides="SOLVER.LR=1e-3")
    assert response.status_code == 422
    page = response.text
    assert re.search(r'id="error-config">Configuration is required\.</p>', page)
    assert re.search(r'id="error-seed">Seed must be a whole number[^<]*many', page)
    assert 'aria-describedby="help-config error-config" aria-invalid="true"' in page
    assert 'name="seed" value="many"' in page
    assert '<option value="shapes" selected>' in page
    assert "SOLVER.LR=1e-3</textarea>" in page
    assert '<details class="more" open>' in page


@pytest.mark.parametrize(
    ("kind", "fields", "field", "sentence"),
    [
        ("train", {"config": "/etc/passwd"}, "config", "is outside"),
        ("train", {"config": "{dataset}/none.yaml"}, "config", "the config file does not exist"),
        (
            "train",
            {"config": "{dataset}/config.yaml", "overrides": "SOLVER.LRR=1"},
            "overrides",
            "did you mean SOLVER.LR",
        ),
        ("train", {"config": "{dataset}/config.yaml", "resume": "99"}, "resume", "no checkpoint 99"),
        ("evaluate", {"checkpoint": "99"}, "checkpoint", "no checkpoint 99"),
        ("evaluate", {"checkpoint": "9999999999999999999999"}, "checkpoint", "no checkpoint"),
        ("evaluate", {"checkpoint_path": "{dataset}/none.pth"}, "checkpoint", "neither the id"),
        ("crf", {"evaluate_job": "1"}, "evaluate_job", "expected one of kind evaluate"),
        ("crf", {"evaluate_job": "99999999999"}, "evaluate_job", "must be at most"),
        ("segment", {"checkpoint": "2", "input": "{dataset}/none"}, "input", "the folder does not exist"),
        ("segment", {"checkpoint": "2", "input": "{root}/photos", "output": "/etc/masks"}, "output", "is outside"),
        (
            "segment",
            {"checkpoint": "2", "input": "{root}/photos", "batch_size": "0"},
            "batch_size",
            "must be at least 1",
        ),
    ],
)
def test_bad_input_is_a_sentence_at_its_field(
    submit_form: SubmitForm, population: Population, kind: str, fields: dict[str, str], field: str, sentence: str
) -> None:
    filled = {name: value.format(dataset=population.dataset, root=population.root) for name, value in fields.items()}
    response = submit_form(f"/jobs/new/{kind}", **filled)
    assert response.status_code == 422
    error = re.search(rf'id="error-{field}">([^<]+)</p>', response.text)
    assert error is not None, response.text
    assert sentence in error[1]


def test_without_anything_to_choose_the_forms_still_work(new_client: FlaskClient) -> None:
    page = new_client.get("/jobs/new/segment").text
    assert "No checkpoints yet" in page
    assert '<details class="alternative" open>' in page  # a weights file is the only way
    response = form_sender(new_client)("/jobs/new/crf", evaluate_job="")
    assert "Evaluate job is required." in response.text


def test_the_picker_offers_shipped_configurations_and_files_of_its_kind(
    client: FlaskClient, population: Population
) -> None:
    assert str(population.root) in client.get("/pick?for=config").text
    listing = client.get("/pick", query_string={"for": "config", "path": str(population.dataset)}).text
    assert f'data-choose="{population.dataset}/config.yaml"' in listing
    assert "labels.txt" not in listing
    folders = client.get("/pick", query_string={"for": "folder", "path": str(population.dataset)}).text
    assert "config.yaml" not in folders
    assert f'data-choose="{population.dataset}"' in folders
    assert client.get("/pick?for=anything").status_code == 404


def test_the_picker_says_when_no_data_folder_exists(new_client: FlaskClient, population: Population) -> None:
    new_client.application.extensions["deeplab_settings"].roots[0].rmdir()
    assert "None of the data folders exist:" in new_client.get("/pick").text
