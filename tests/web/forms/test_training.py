from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.conftest import form_sender
from tests.web.scenes import make_dataset
from web import create_app
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.settings import Settings


class Form:
    """The form of a training in a browser that sends every change."""

    def __init__(self, client: FlaskClient, config: Path) -> None:
        self._submit = form_sender(client)
        self.entered = {"dataset": "shapes", "config": str(config), "overrides": "", "seed": 0, "gpus": 1}

    def change(self, changed: str, **values: object) -> str:
        answer: TestResponse = self._submit("/jobs/new/train/follow", **{**self.entered, **values, "changed": changed})
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def form(new_settings: Settings) -> Form:
    folder = make_dataset(new_settings.roots[0] / "shapes")
    with open_session(new_settings) as session:
        datasets.register(session, "shapes", survey(folder))
    return Form(create_app(new_settings).test_client(), folder / "config.yaml")


def overrides_of(page: str) -> list[str]:
    area = page.partition('name="overrides">')[2].partition("</textarea>")[0]
    return area.strip().splitlines()


def yaml_of(page: str) -> str:
    return page.partition('id="field-yaml"')[2].partition(">")[2].partition("</textarea>")[0].lstrip("\n")


def test_the_fields_are_followed_by_the_yaml(form: Form) -> None:
    page = form.change("fields", overrides="SOLVER.LR=0.5")
    assert "LR: 0.5" in yaml_of(page)
    assert "Differs from config.yaml on shapes" in page
    assert '<th scope="row">SOLVER.LR</th>' in page


def test_the_yaml_is_followed_by_the_fields(form: Form) -> None:
    text = yaml_of(form.change("fields"))
    edited = text.replace("LR: 0.00025", "LR: 0.25").replace("ITER_MAX: 1200", "ITER_MAX: 7")
    page = form.change("yaml", yaml=edited, overrides="SOLVER.MOMENTUM=0.1")
    assert overrides_of(page) == ["SOLVER.ITER_MAX=7", "SOLVER.LR=0.25"]
    assert overrides_of(form.change("yaml", yaml=text)) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SOLVER: {LRR: 3}", "SOLVER.LRR is not a known key; did you mean SOLVER.LR?"),
        ("SOLVER: [", "Line 1: expected the node content"),
        ("a: &a [1]\nb: *a", "alias"),
        ("x" * 100_001, "must have at most 100,000 characters"),
    ],
)
def test_yaml_that_does_not_fit_stays_as_it_was_entered(form: Form, text: str, sentence: str) -> None:
    page = form.change("yaml", yaml=text, overrides="SOLVER.LR=0.5")
    assert 'id="error-yaml"' in page
    assert sentence in page.partition('id="error-yaml">')[2].partition("</p>")[0]
    assert overrides_of(page) == ["SOLVER.LR=0.5"]


def test_a_preset_is_put_into_the_fields_and_kept_as_ones_own(form: Form) -> None:
    page = form.change("preset", preset="fast-cpu", config="", overrides="")
    assert "presets/fast-cpu.yaml" in page
    fitted = overrides_of(page)
    assert fitted[-1] == "IMAGE.SIZE.TRAIN=65"  # no crop is larger than the images
    config = page.partition('id="field-config" name="config" value="')[2].partition('"')[0]
    again = form.change("dataset", preset="fast-cpu", config=config, overrides="\n".join([*fitted, "SOLVER.LR=0.5"]))
    assert overrides_of(again) == [*fitted, "SOLVER.LR=0.5"]
    form.entered |= {"config": config, "overrides": "SOLVER.LR=0.5", "preset_name": "mine"}
    assert form._submit("/presets", **form.entered).status_code == 302
    assert "SOLVER.LR=0.5" in overrides_of(form.change("preset", preset="mine", config="", overrides=""))
    refused = form._submit("/presets", **{**form.entered, "preset_name": "fast-cpu"})
    assert refused.status_code == 302
    assert form._submit("/presets/remove", preset="mine").status_code == 302
    assert "There is no preset" in form.change("preset", preset="mine", config="", overrides="")
