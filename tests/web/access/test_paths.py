from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deeplab.confinement import lies_under
from tests.web.population import Population
from tests.web.scenes import make_dataset
from web.actions import registration, submission
from worker.jobs import jobs, storage
from worker.jobs.database import open_session
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import load_settings
from worker.jobs.watching.job_list import list_jobs


def refusal(population: Population, kind: str, parent_id: int | None = None, **request: object) -> dict[str, str]:
    """The fields that a request over HTTP is refused for; it must leave no job behind."""
    with open_session(population.settings, reads_only=True) as session:
        newest = list_jobs(session, limit=1)[0].id
    with pytest.raises(SpecError) as caught:
        submission.submit(population.settings, parse_spec(kind, request), parent_id=parent_id, user_id=None)
    with open_session(population.settings, reads_only=True) as session:
        assert list_jobs(session, limit=1)[0].id == newest
    return caught.value.fields


def test_lies_under_follows_links(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "back").symlink_to(inside / "not")
    assert lies_under(inside, [inside])
    assert lies_under(inside / "not" / "there" / "yet", [inside])
    assert lies_under(inside / "back" / "there", [inside])
    assert lies_under(inside / ("x" * 300), [inside])
    for path in (outside, inside / ".." / "outside", inside / "link" / "x", "inside", f"{inside}\0"):
        assert not lies_under(path, [inside]), path


def test_requests_cannot_read_the_servers_environment(population: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    config = population.root / "variables.yaml"
    config.write_text("DATASET: {N_CLASSES: 3, ROOT: $SECRET/x}\n")
    fields = refusal(population, "train", config=str(config))
    assert fields == {"config": "DATASET.ROOT holds $SECRET; variables are not replaced in requests over HTTP."}
    for value in ("$SECRET", "${SECRET}", "~/x", "~root/x"):
        fields = refusal(
            population, "train", config=str(config), dataset="shapes", overrides=f"MODEL.INIT_MODEL={value}"
        )
        assert list(fields) == ["overrides"]
        assert "s3cret" not in str(fields)
        assert "not replaced in requests over HTTP" in str(fields)


@pytest.mark.parametrize(
    "path", ["loop", "loop/x", "a", "b/x", "to-loop", "not/../loop/x", "loop/../link/x", "through"]
)
def test_a_loop_of_links_lies_nowhere(tmp_path: Path, path: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    links = {"loop": "loop", "a": "b", "b": "a", "to-loop": "loop", "link": "..", "through": "loop/../link/x"}
    for name, target in links.items():
        (inside / name).symlink_to(target)
    assert not lies_under(inside / path, [inside])


@pytest.mark.parametrize("field", ["config", "checkpoint", "input", "output"])
@pytest.mark.parametrize("path", ["/etc/passwd", "/etc", "relative/path", "{root}/../.."])
def test_paths_outside_are_refused_by_field(population: Population, field: str, path: str) -> None:
    request: dict[str, Any] = {"checkpoint": "2", "input": str(population.folder)}
    fields = refusal(population, "segment", **(request | {field: path.format(root=population.root)}))
    assert list(fields) == [field]
    assert str(population.root) in fields[field]  # says what would be accepted


def test_a_refusal_does_not_tell_whether_the_file_exists(population: Population) -> None:
    for name in ("passwd", "no-such-file"):
        sentence = refusal(population, "train", config=f"/etc/{name}")["config"]
        assert (
            sentence.replace(name, "X")
            == f"/etc/X is outside the folders that the dashboard may use: {population.root}."
        )


def test_a_job_cannot_be_told_to_write_into_other_jobs_or_the_shipped_configurations(population: Population) -> None:
    for folder in (storage.jobs_dir(population.settings) / "1", storage.configs_dir()):
        assert list(
            refusal(population, "segment", checkpoint="2", input=str(population.folder), output=str(folder))
        ) == ["output"]


@pytest.mark.parametrize(
    "override",
    [
        "DATASET.ROOT=/etc",
        "DATASET.LABELS=/etc/passwd",
        "MODEL.INIT_MODEL=/etc/passwd",
        "DATASET={N_CLASSES: 3, ROOT: /etc}",
    ],
)
def test_overrides_cannot_name_paths_outside(population: Population, override: str) -> None:
    config = str(population.dataset / "config.yaml")
    fields = refusal(population, "train", config=config, overrides=override)
    assert list(fields) == ["overrides"]
    assert "/etc" in fields["overrides"]


@pytest.mark.parametrize("name", ["../secrets", "/etc/hosts", "a\0b", "\ud800"])
def test_splits_and_datasets_are_names(population: Population, name: str) -> None:
    config = str(population.dataset / "config.yaml")
    assert list(refusal(population, "evaluate", checkpoint="2", split=name)) == ["split"]
    assert list(refusal(population, "train", config=config, dataset=name)) == ["dataset"]


def test_overrides_cannot_lead_a_split_outside(population: Population) -> None:
    config = str(population.dataset / "config.yaml")
    fields = refusal(population, "train", config=config, overrides="DATASET.SPLIT.TRAIN=../../secrets")
    assert fields == {"overrides": "DATASET.SPLIT.TRAIN: must be a name, not a path, got '../../secrets'."}


def test_every_wrong_key_is_named_at_the_field_that_set_it(population: Population) -> None:
    config = population.root / "two-wrong-keys.yaml"
    config.write_text("DATASET: {N_CLASSES: 3, ROOT: /etc}\nMODEL: {INIT_MODEL: /etc/passwd}\n")
    fields = refusal(population, "train", config=str(config), overrides="DATASET.SPLIT.TRAIN=../secrets")
    assert list(fields) == ["overrides", "config"]
    assert "DATASET.ROOT: /etc " in fields["overrides"]
    assert "DATASET.SPLIT.TRAIN: must be a name" in fields["overrides"]
    assert fields["config"].startswith("MODEL.INIT_MODEL: /etc/passwd ")


def test_overrides_of_a_crf_job_cannot_either(population: Population) -> None:
    fields = refusal(population, "crf", evaluate_job=population.evaluated, overrides="DATASET.ROOT=/etc")
    assert list(fields) == ["overrides"]


def test_a_configuration_cannot_lead_outside(population: Population) -> None:
    config = population.root / "leads-outside.yaml"
    config.write_text("DATASET: {N_CLASSES: 3, ROOT: /etc}\n")
    assert list(refusal(population, "train", config=str(config))) == ["config"]


def test_what_the_command_line_submitted_may_be_submitted_again(population: Population, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text((population.dataset / "config.yaml").read_text())
    (tmp_path / "weights.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    weights = f"MODEL.INIT_MODEL={tmp_path}/weights.safetensors"
    foreign = population.submit("train", config=str(config), overrides=weights)
    job = submission.clone(population.settings, foreign, {"seed": 3}, user_id=None).job
    assert (job.parent_id, job.spec["config"], job.spec["seed"]) == (foreign, str(config), 3)
    assert list(refusal(population, "train", parent_id=foreign, config="/etc/passwd")) == ["config"]


def test_a_checkpoint_brings_the_paths_that_it_was_trained_with(population: Population, tmp_path: Path) -> None:
    config = make_dataset(tmp_path / "shapes") / "config.yaml"
    trained = population.submit("train", config=str(config))
    checkpoint = population.save_checkpoint(trained, population.claim(trained), 10)
    job = submission.submit(
        population.settings, parse_spec("evaluate", {"checkpoint": str(checkpoint)}), user_id=None
    ).job
    assert job.config["DATASET"]["ROOT"] == str(tmp_path / "shapes")


def test_hidden_files_are_nobodys_business(population: Population) -> None:
    hidden = population.root / ".private"
    hidden.mkdir(exist_ok=True)
    (hidden / "config.yaml").write_text((population.dataset / "config.yaml").read_text())
    (population.root / "shown").symlink_to(hidden)
    for path in (hidden / "config.yaml", population.root / "shown" / "config.yaml"):
        assert list(refusal(population, "train", config=str(path))) == ["config"]
    output = str(population.root / ".ssh")
    assert list(refusal(population, "segment", checkpoint="2", input=str(population.folder), output=output)) == [
        "output"
    ]


def test_a_configuration_is_a_yaml_file_by_its_name(population: Population) -> None:
    secret = population.root / "token.txt"
    secret.write_text("hunter2")
    fields = refusal(population, "train", config=str(secret))
    assert fields == {"config": f"must be a file that ends in .yaml or .yml, got '{secret}'."}


def test_errors_over_http_repeat_nothing_of_a_file(population: Population) -> None:
    for name, content in (("a.yaml", "hunter2"), ("b.yaml", "x: hunter2"), ("c.yaml", "SOLVER: {LR: hunter2}")):
        (population.root / name).write_text(content)
        fields = refusal(population, "train", config=str(population.root / name))
        assert list(fields) == ["config"]
        assert "hunter2" not in fields["config"]
    weights = population.root / "text.pth"
    weights.write_text("hunter2")
    config = str(population.dataset / "config.yaml")
    fields = refusal(population, "segment", checkpoint=str(weights), config=config, input=str(population.folder))
    assert fields == {"checkpoint": f"{weights}: is a text file; expected weights."}
    with pytest.raises(SpecError) as caught:
        registration.register(population.settings, "x", str(population.dataset), str(weights), user_id=None)
    assert list(caught.value.fields) == ["labels"]
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def from_a_shell(population: Population, tmp_path: Path) -> int:
    """A segment job from the command line, on a folder outside of the data roots."""
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    return population.submit("segment", checkpoint="2", input=str(tmp_path))


def test_a_path_from_the_command_line_may_be_named_in_its_own_field_alone(
    population: Population, from_a_shell: int, tmp_path: Path
) -> None:
    clone = submission.clone(population.settings, from_a_shell, {"batch_size": 2}, user_id=None).job
    again = submission.clone(population.settings, clone.id, {"batch_size": 3}, user_id=None).job
    assert again.spec["input"] == str(tmp_path)
    assert again.roots is not None
    assert again.roots["trusted"] == {"input": str(tmp_path)}
    assert str(tmp_path) in again.roots["readable"]
    assert str(tmp_path) not in again.roots["writable"]
    for parent in (from_a_shell, clone.id):
        fields = refusal(
            population, "segment", parent_id=parent, checkpoint="2", input=str(population.folder), output=str(tmp_path)
        )
        assert list(fields) == ["output"]
        fields = refusal(population, "train", parent_id=parent, config=str(tmp_path))
        assert list(fields) == ["config"]


def test_roots_that_were_narrowed_hold_for_retries_and_clones(population: Population, tmp_path: Path) -> None:
    wide = load_settings(home=population.settings.home, data_roots=(*population.settings.roots, tmp_path))
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    spec = parse_spec("segment", {"checkpoint": "2", "input": str(tmp_path)})
    job = submission.submit(wide, spec, user_id=None).job
    assert job.roots is not None
    assert str(tmp_path) in job.roots["readable"]
    with open_session(wide) as session:
        jobs.cancel(session, job.id)
    again = submission.retry(wide, job.id, user_id=None).job
    assert (again.parent_id, again.is_retry) == (job.id, True)
    with pytest.raises(SpecError, match=r"input: .* is outside the folders"):
        submission.retry(population.settings, job.id, user_id=None)
    with pytest.raises(SpecError, match=r"input: .* is outside the folders"):
        submission.clone(population.settings, job.id, {}, user_id=None)
