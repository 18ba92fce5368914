import os
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder
from tests.worker.store import add_checkpoint, submit, submit_and_claim, submit_segment
from worker.jobs import catalog, datasets, jobs, leases, submission
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.jobs import Job
from worker.jobs.requests.resolve import resolve_config
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import TrainSpec, parse_spec
from worker.jobs.settings import Settings


def register(session: Session, folder: Path) -> Path:
    root = draw_folder(folder / "streets")
    (root / "labels.txt").write_text("0\tsky\n1\troad\n2\tcar\n")
    datasets.register(session, "streets", survey(root))
    return root


def evaluated(session: Session, store: Settings, result: dict[str, Any] | None) -> Job:
    """An evaluate job; succeeded if there is a result."""
    checkpoint = add_checkpoint(session, store, submit_and_claim(session, store))
    job = submit(session, store, "evaluate", checkpoint=str(checkpoint), overrides="CRF.POS_W=5")
    if result is not None:
        claimed = leases.claim(session, job.id, "a", 10)
        assert claimed is not None
        leases.finish(session, job.id, claimed.fence, catalog.SUCCEEDED, result=result)
    return job


def test_a_registered_dataset_replaces_the_configuration_s(store: Settings, tmp_path: Path) -> None:
    with open_session(store) as session:
        root = register(session, tmp_path)
        write_config(store.home, DATASET={"N_CLASSES": 21, "ROOT": "elsewhere", "SPLIT": {"VAL": "mine"}})
        dataset = submit(session, store, config=str(store.home / "config.yaml"), dataset="streets").config["DATASET"]
        assert (dataset["ROOT"], dataset["N_CLASSES"]) == (str(root), 3)
        assert (dataset["NAME"], dataset["LABELS"]) == ("folder", str(root / "labels.txt"))
        assert dataset["SPLIT"]["VAL"] == "mine"


def test_gpus_must_share_the_batch_equally(store: Settings) -> None:
    with open_session(store) as session:
        submit(session, store, gpus=3, overrides="SOLVER.BATCH_SIZE.TRAIN=6")
        sentence = re.escape("gpus: must divide SOLVER.BATCH_SIZE.TRAIN, 6, which they share equally; got 4.")
        with pytest.raises(SpecError, match=sentence):
            submit(session, store, gpus=4, overrides="SOLVER.BATCH_SIZE.TRAIN=6")


def test_relative_paths_are_meant_from_where_the_request_is_made(
    store: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_session(store) as session:
        write_config(store.home, DATASET={"N_CLASSES": 21, "ROOT": "streets"})
        config = submit(session, store, config=str(store.home / "config.yaml")).config
    assert (config["DATASET"]["ROOT"], config["DATASET"]["LABELS"]) == (str(tmp_path / "streets"), None)


def test_variables_in_paths_are_those_of_whoever_asks(store: Settings, tmp_path: Path) -> None:
    write_config(
        store.home,
        DATASET={"N_CLASSES": 3, "ROOT": "$DATA/streets", "LABELS": "~/labels.txt"},
        EXP={"OUTPUT_DIR": "$DATA"},
    )
    config = str(store.home / "config.yaml")
    spec = TrainSpec(config=config, overrides=("MODEL.INIT_MODEL=${DATA}/a$$b.pth",))
    with open_session(store) as session:
        resolved = resolve_config(session, spec, {"DATA": str(tmp_path)})
        assert resolved["DATASET"]["ROOT"] == str(tmp_path / "streets")
        assert resolved["DATASET"]["LABELS"] == str(Path.home() / "labels.txt")
        assert resolved["MODEL"]["INIT_MODEL"] == str(tmp_path / "a$b.pth")
        assert resolved["EXP"]["OUTPUT_DIR"] == str(tmp_path)
        with pytest.raises(SpecError, match="DATA is not set"):
            resolve_config(session, spec, {})
        register(session, tmp_path)  # replaces the section that holds them
        plain = TrainSpec(config=config, dataset="streets")
        assert resolve_config(session, plain)["DATASET"]["ROOT"] == str(tmp_path / "streets")


def test_a_palette_in_a_registered_folder_is_the_datasets(store: Settings, tmp_path: Path) -> None:
    with open_session(store) as session:
        root = register(session, tmp_path)
        (root / "palette.txt").write_text("0 0 0 0\n1 1 1 1\n2 2 2 2\n")
        write_config(store.home, DATASET={"N_CLASSES": 21})
        job = submit(session, store, config=str(store.home / "config.yaml"), dataset="streets")
        assert job.config["DATASET"]["PALETTE"] == str(root / "palette.txt")
        assert "palette" not in datasets.register(session, "again", survey(root)).splits


def test_labels_may_lie_beside_the_configuration(
    store: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "labels.txt").touch()
    write_config(folder, DATASET={"N_CLASSES": 3, "LABELS": "labels.txt"})
    monkeypatch.chdir(tmp_path)
    with open_session(store) as session:
        config = submit(session, store, config="configs/config.yaml").config
    assert config["DATASET"]["LABELS"] == str(folder / "labels.txt")


def test_paths_that_a_kind_of_job_never_opens_are_left_out(store: Settings, tmp_path: Path) -> None:
    paths = {"DATASET": {"N_CLASSES": 3, "ROOT": "street"}, "MODEL": {"INIT_MODEL": "init.pth"}}
    config, weights = str(write_config(tmp_path, **paths)), tmp_path / "weights.pth"
    weights.write_bytes(b"\x80\x02.")  # looks like a pickle
    (tmp_path / "a.jpg").touch()
    request = {"config": config, "checkpoint": str(weights)}
    with open_session(store) as session:
        trained = submit(session, store, config=config).config
        evaluated = submit(session, store, "evaluate", **request).config
        segmented = submit(session, store, "segment", **request, input=str(tmp_path)).config
    assert all((trained["DATASET"]["ROOT"], trained["MODEL"]["INIT_MODEL"], evaluated["DATASET"]["ROOT"]))
    assert evaluated["MODEL"]["INIT_MODEL"] is segmented["MODEL"]["INIT_MODEL"] is segmented["DATASET"]["ROOT"] is None


def test_a_numbered_checkpoint_brings_the_configuration_of_its_training(store: Settings) -> None:
    with open_session(store) as session:
        trained = leases.claim(session, submit(session, store, overrides="MODEL.WIDTH=8").id, "a", 10)
        assert trained is not None
        checkpoint = add_checkpoint(session, store, trained)
        job = submit(session, store, "evaluate", checkpoint=str(checkpoint), overrides="IMAGE.SIZE.TEST=99")
        assert (job.config["MODEL"]["WIDTH"], job.config["IMAGE"]["SIZE"]["TEST"]) == (8, 99)


def test_a_crf_job_takes_the_configuration_of_the_evaluation(store: Settings) -> None:
    with open_session(store) as session:
        source = evaluated(session, store, {"mean_iou": 0.5, "logits": "somewhere"})
        job = submit(session, store, "crf", evaluate_job=source.id, overrides="CRF.BI_W=7")
        assert (job.config["CRF"]["POS_W"], job.config["CRF"]["BI_W"]) == (5, 7)


def test_an_evaluation_without_logits_cannot_be_refined(store: Settings) -> None:
    with open_session(store) as session:
        without = evaluated(session, store, {"mean_iou": 0.5, "logits": None})
        cancelled = jobs.cancel(session, evaluated(session, store, None).id)
        train = submit(session, store)
        for job, reason in (
            (without, "saves no logits."),
            (cancelled, "was cancelled, and has no logits."),
            (train, "is of kind train; expected one of kind evaluate."),
        ):
            with pytest.raises(SpecError, match=re.escape(f"evaluate_job: Job {job.id} {reason}")):
                submit(session, store, "crf", evaluate_job=job.id)
        with pytest.raises(SpecError, match="evaluate_job: There is no job 99"):
            submit(session, store, "crf", evaluate_job=99)


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("train", {"config": "no.yaml"}, "config: no.yaml: the config file does not exist."),
        ("train", {"dataset": "roads"}, "dataset: There is no dataset named 'roads' (registered: none)."),
        ("train", {"resume": 9}, "resume: There is no checkpoint 9."),
        ("evaluate", {"checkpoint": "9"}, "checkpoint: There is no checkpoint 9."),
        (
            "evaluate",
            {"checkpoint": "w.pth"},
            "checkpoint: w.pth is neither the id or alias of a checkpoint nor a file.",
        ),
    ],
)
def test_what_does_not_exist_is_named(store: Settings, kind: str, fields: dict[str, Any], sentence: str) -> None:
    with open_session(store) as session, pytest.raises(SpecError) as error:
        submit(session, store, kind, **fields)
    assert str(error.value) == sentence


def test_a_weights_file_needs_a_configuration(store: Settings, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"\x80\x02.")  # looks like a pickle
    with open_session(store) as session:
        with pytest.raises(SpecError, match=r"config: is required, because .*weights.pth is a weights file"):
            submit(session, store, "evaluate", checkpoint=str(weights))
        config = write_config(store.home)
        job = submit(session, store, "evaluate", checkpoint=str(weights), config=str(config))
        assert job.config["DATASET"]["N_CLASSES"] == 3


def test_the_folders_of_a_segment_job_are_checked(store: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "labels.txt").touch()
    with open_session(store) as session:
        job = submit_segment(session, store, output=str(tmp_path / "new" / "folder"))
    for change, sentence in (
        ({"input": str(tmp_path / "nowhere")}, "input: .*nowhere: the folder does not exist"),
        ({"input": str(tmp_path / "empty")}, "input: .*empty: the folder holds no image"),
        ({"output": str(tmp_path / "file" / "masks")}, "output: .*file is a file, so .* cannot be a folder"),
        (
            {"output": str(tmp_path / "theirs")},
            r"output: .*theirs: holds labels\.txt and more, perhaps, but no run\.json",
        ),
    ):
        with pytest.raises(SpecError, match=sentence):
            submission.clone(store, job.id, change)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_folder_that_cannot_be_written_is_refused(store: Settings, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(0o500)
    with open_session(store) as session, pytest.raises(SpecError, match=r"output: .* cannot be written to"):
        submit_segment(session, store, output=str(tmp_path / "locked" / "masks"))


def test_files_that_cannot_hold_weights_are_refused_at_once(store: Settings, tmp_path: Path) -> None:
    page = tmp_path / "voc.pth"
    page.write_text("<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title></html>")
    config = write_config(tmp_path, DATASET={"N_CLASSES": 3}, MODEL={"INIT_MODEL": str(page)})
    refused = pytest.raises(SpecError, match=r"checkpoint: .*voc\.pth: is a web page and not weights")
    with open_session(store) as session, refused:
        submit(session, store, "evaluate", checkpoint=str(page), config=str(config))
    with pytest.raises(SpecError, match=r"config: .*voc\.pth: is a web page and not weights"):
        submission.submit(store, parse_spec("train", {"config": str(config)}))


def test_a_training_that_is_over_needs_more_iterations(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        checkpoint = add_checkpoint(session, store, job, iteration=20000)
        with pytest.raises(SpecError, match=r"resume: Checkpoint \d+ is at iteration 20000; to continue"):
            submit(session, store, resume=checkpoint, overrides="SOLVER.ITER_MAX=10000")
        longer = submit(session, store, resume=checkpoint, overrides="SOLVER.ITER_MAX=30000")
        assert longer.config["SOLVER"]["ITER_MAX"] == 30000


def test_fields_of_inference_become_configuration_and_overrides_go_before_them(store: Settings) -> None:
    with open_session(store) as session:
        checkpoint = str(add_checkpoint(session, store, submit_and_claim(session, store)))
        fields = {"checkpoint": checkpoint, "mode": "slide", "window": "65", "scales": "0.5,1", "flip": True}
        chosen = submit(session, store, "evaluate", **fields, overrides="INFERENCE.WINDOW=97").config["INFERENCE"]
        plain = submit(session, store, "evaluate", checkpoint=checkpoint).config["INFERENCE"]
    assert (chosen["MODE"], chosen["WINDOW"], chosen["SCALES"], chosen["FLIP"]) == ("slide", 97, [0.5, 1.0], True)
    assert (plain["MODE"], plain["SCALES"], plain["FLIP"]) == ("whole", [1.0], False)
