import os
from pathlib import Path

import pytest

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder
from worker.jobs import submission
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership import pins
from worker.jobs.ownership.pins import INITIAL_WEIGHTS, InputChangedError, require_unchanged
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.tables import InputPinRow

SAFETENSORS = b"\x02\0\0\0\0\0\0\0{}"


def submit_train(store: Settings, weights: Path, labels: Path) -> Job:
    weights.write_bytes(SAFETENSORS)
    labels.write_text("0\ta\n1\tb\n2\tc\n")
    dataset = {"N_CLASSES": 3, "LABELS": str(labels), "ROOT": str(draw_folder(store.home / "drawn", n_images=2))}
    sections = {"DATASET": dataset, "MODEL": {"INIT_MODEL": str(weights)}}
    return submission.submit(store, parse_spec("train", {"config": str(write_config(store.home, **sections))}))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return tmp_path / "labels.txt"


def test_what_a_job_reads_is_compared_with_its_submission(store: Settings, weights: Path, labels: Path) -> None:
    job = submit_train(store, weights, labels)
    require_unchanged(store, job)
    os.utime(weights, (1, 1))  # touched, but the same bytes
    require_unchanged(store, job)

    weights.write_bytes(SAFETENSORS[:-2] + b"[]")  # of the same size
    with pytest.raises(
        InputChangedError, match=f"Weights file {weights} was exchanged since job {job.id} was submitted"
    ):
        require_unchanged(store, job)
    require_unchanged(store, job, besides=[INITIAL_WEIGHTS])

    weights.unlink()
    with pytest.raises(InputChangedError, match=f"Weights file {weights} is gone"):
        require_unchanged(store, job)
    labels.write_text("0\tx\n1\tb\n2\tc\n")
    with pytest.raises(InputChangedError, match="Labels file") as caught:
        require_unchanged(store, job, besides=[INITIAL_WEIGHTS])
    assert "sha256 differs" in caught.value.discreet
    assert "…" not in caught.value.discreet


def test_a_link_to_other_weights_is_a_change(sqlite_store: Settings, weights: Path, labels: Path) -> None:
    other = weights.with_name("other.safetensors")
    other.write_bytes(SAFETENSORS + b" ")
    job = submit_train(sqlite_store, weights, labels)
    weights.unlink()
    weights.symlink_to(other)
    with pytest.raises(InputChangedError):
        require_unchanged(sqlite_store, job)


def test_a_file_is_hashed_once(sqlite_store: Settings, weights: Path, labels: Path) -> None:
    job = submit_train(sqlite_store, weights, labels)
    with open_session(sqlite_store) as session:
        session.get_one(InputPinRow, (job.id, INITIAL_WEIGHTS)).digest = "of the earlier job"
    config = job.config
    known = {pin.name: pin.digest for pin in pins.pin_inputs(sqlite_store, parse_spec("train", job.spec), config)}
    assert known[INITIAL_WEIGHTS] == "of the earlier job"


def test_a_list_is_what_the_first_attempt_found(store: Settings, weights: Path, labels: Path) -> None:
    job = submit_train(store, weights, labels)
    for _ in range(2):
        pins.require_same_list(store, job.id, "DATASET.SPLIT.val", "The split val", "1")
    with pytest.raises(InputChangedError, match=f"The split val was changed since job {job.id} began"):
        pins.require_same_list(store, job.id, "DATASET.SPLIT.val", "The split val", "2")
