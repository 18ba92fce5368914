import json
from pathlib import Path

import click
import pytest

from tests.worker.cli.conftest import Deeplab, Files
from worker.cli.job.submit_commands import submit as submit_group
from worker.jobs import jobs
from worker.jobs.catalog import KINDS
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import SPECS
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import list_jobs


def read_job(settings: Settings, job_id: int) -> Job:
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job_id)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_request_has_an_option_with_its_description(kind: str) -> None:
    command = submit_group.get_command(click.Context(submit_group), kind)
    assert command is not None
    options = {option.name: option for option in command.params if isinstance(option, click.Option)}
    others = {"name", "notes", "experiment", "wait", "as_json"}
    others |= {"train": {"preset", "then"}, "evaluate": {"then"}}.get(kind, set())
    assert options.keys() == SPECS[kind].model_fields.keys() | others
    for name, field in SPECS[kind].model_fields.items():
        assert options[name].required == (field.is_required() and name != "config")  # a preset may take its place
        if name != "overrides":
            assert options[name].help == field.description


def test_makes_the_home_and_says_when_the_job_starts(
    deeplab: Deeplab, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "new home"
    monkeypatch.setenv("DEEPLAB_HOME", str(home))
    ended = deeplab("job", "submit", "train", "-c", files.config, "--seed", 7, "--set", "SOLVER.LR=1e-3")
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout == "Job 1 is queued. To see its progress, run: deeplab job show 1\n"
    assert ended.stderr == f"No platform is running in {home}. The job starts when you run: deeplab up\n"
    job = read_job(Settings(home=home), 1)
    assert job.spec == {
        "overrides": ["SOLVER.LR=1e-3"],
        "dataset": None,
        "device": "auto",
        "config": str(files.config),
        "resume": None,
        "seed": 7,
        "gpus": 1,
        "after": [],
        "priority": 0,
        "not_before": None,
    }
    assert job.config["SOLVER"]["LR"] == 1e-3


def test_relative_paths_are_those_of_the_user(
    deeplab: Deeplab, home: Settings, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = files.config.with_name("weights.pth")
    weights.write_bytes(b"\x80\x02.")  # looks like a pickle
    monkeypatch.chdir(files.config.parent)
    ended = deeplab(
        *("job", "submit", "segment", "--config", "config.yaml", "--checkpoint", "weights.pth"),
        *("--input", "images", "--output", "masks/new", "--overlays", "--batch-size", 2, "--json"),
    )
    assert ended.exit_code == 0, ended.stderr
    spec = json.loads(ended.stdout)["spec"]
    assert spec["config"] == str(files.config)
    assert spec["checkpoint"] == str(weights)
    assert spec["input"] == str(files.images)
    assert spec["output"] == str(files.config.parent / "masks" / "new")
    assert spec["overlays"] is True
    assert spec["batch_size"] == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "-c", "nowhere.yaml"], "Error: --config: {here}/nowhere.yaml: the config file does not exist."),
        (["train", "-c", "config.yaml", "--set", "SOLVER.LRR=1"], "Error: --set: SOLVER.LRR is not a known key"),
        (["train", "-c", "config.yaml", "--seed", "-1"], "Error: --seed: must be at least 0"),
        (["train", "-c", "config.yaml", "--resume", "9"], "Error: --resume: There is no checkpoint 9."),
        (["evaluate", "--checkpoint", "3"], "Error: --checkpoint: There is no checkpoint 3."),
        (
            ["evaluate", "--checkpoint", "config.yaml"],
            "Error: --config: is required, because {here}/config.yaml is a w",
        ),
        (["crf", "--evaluate-job", "5"], "Error: --evaluate-job: There is no job 5."),
    ],
)
def test_refusal_names_the_option(
    deeplab: Deeplab,
    home: Settings,
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    sentence: str,
) -> None:
    here = files.config.parent
    monkeypatch.chdir(here)
    ended = deeplab("job", "submit", *arguments)
    assert ended.exit_code == 2
    assert ended.stderr.startswith(sentence.format(here=here))
    assert ended.stderr.count("\n") == 1
    with open_session(home) as session:
        assert list_jobs(session) == []


def test_missing_option_is_named(deeplab: Deeplab) -> None:
    ended = deeplab("job", "submit", "segment", "--input", "images")
    assert ended.exit_code == 2
    assert "Error: Missing option '--checkpoint'." in ended.stderr


def test_broker_that_is_away_does_not_refuse_the_job(
    deeplab: Deeplab, home: Settings, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPLAB_BROKER_URL", "redis://127.0.0.1:1/0")
    ended = deeplab("job", "submit", "train", "-c", files.config)
    assert ended.exit_code == 0
    assert ended.stderr.splitlines()[1].startswith("Job 1 is queued, but the broker cannot be reached")
    assert read_job(home, 1).state == "queued"
