"""What register, onnx and try jobs make of a checkpoint."""

import json
from pathlib import Path

import onnxruntime
import pytest
import torch

from deeplab.errors import CheckpointError
from deeplab.files import sha256_of
from deeplab.images.masks import read_mask
from tests.configs import write_weights
from tests.worker.execution.kinds.store import Attempts
from tests.worker.store import submit
from worker.jobs import submission, uploads
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import aliases
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    parse_spec,
)
from worker.jobs.results.job_files import TRIED
from worker.jobs.results.opening import open_results
from worker.jobs.results.record import item_key
from worker.jobs.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store, tmp_path)


def register(attempts: Attempts, path: Path) -> Job:
    spec = parse_spec("register", {"file": str(path), "config": str(attempts.config)})
    return submission.submit(attempts.settings, spec)


def registered(attempts: Attempts) -> int:
    """The id of a checkpoint that a weights file has become."""
    job = attempts.succeed(attempts.claim(register(attempts, write_weights(attempts.config))))
    (saved,) = attempts.checkpoints(job)
    return saved.id


def test_a_weights_file_becomes_a_checkpoint_byte_for_byte(attempts: Attempts) -> None:
    weights = write_weights(attempts.config)
    content = weights.read_bytes()
    upload = uploads.begin(attempts.settings, 1, len(content))
    uploads.append(attempts.settings, upload.id, "model.pth", 0, content)
    uploads.finish(attempts.settings, upload.id)
    spec = parse_spec("register", {"file": f"upload:{upload.id}", "config": str(attempts.config)})
    job = attempts.succeed(attempts.claim(submission.submit(attempts.settings, spec)))
    (saved,) = attempts.checkpoints(job)
    assert job.result == {"checkpoint": saved.id, "iteration": 0}
    assert saved.sha256 == sha256_of(weights) == sha256_of(saved.path)
    assert not list((attempts.settings.home / "uploads").iterdir())
    with open_session(attempts.settings) as session:
        assert aliases.find_checkpoint(session, f"job:{job.id}").id == saved.id
    evaluated = submission.submit(
        attempts.settings,
        parse_spec("evaluate", {"checkpoint": str(saved.id), "overrides": [f"DATASET.ROOT={attempts.root}"]}),
    )
    assert evaluated.config["DATASET"]["N_CLASSES"] == 3


def test_weights_that_do_not_fit_are_not_kept(attempts: Attempts, tmp_path: Path) -> None:
    content = torch.load(write_weights(attempts.config), weights_only=True)
    content.pop(next(iter(content)))
    path = tmp_path / "less.pth"
    torch.save(content, path)
    with pytest.raises(SpecError, match="holds the weights of another model: there is no "):
        register(attempts, path)
    request = {"file": str(path), "config": str(attempts.config)}
    with open_session(attempts.settings) as session:  # as if nobody had looked at it before
        job = submit(session, attempts.settings, "register", **request)
    attempt = attempts.claim(job)
    with pytest.raises(CheckpointError, match="holds the weights of another model: 1 key missing"):
        attempts.succeed(attempt)
    assert attempts.checkpoints(job) == []
    assert not list(attempt.folder.glob("*.pth"))
    path.write_text("<html>")
    with pytest.raises(SpecError, match="is a web page"):
        register(attempts, path)


def test_an_onnx_file_says_what_the_model_says(attempts: Attempts) -> None:
    spec = parse_spec("onnx", {"checkpoint": str(registered(attempts))})
    job = attempts.succeed(attempts.claim(submission.submit(attempts.settings, spec)))
    assert job.result is not None
    assert job.result["difference"] < 1e-3
    assert sha256_of(Path(job.result["file"])) == job.result["sha256"]
    session = onnxruntime.InferenceSession(job.result["file"])
    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    assert len(json.loads(session.get_modelmeta().custom_metadata_map["labels"])) == 3


def test_an_image_is_tried_with_and_without_the_crf(attempts: Attempts) -> None:
    image = next((attempts.root / "images").iterdir())
    request = {"checkpoint": str(registered(attempts)), "image": str(image), "crf": True, "longest_side": 64}
    job = attempts.succeed(
        attempts.claim(submission.submit(attempts.settings, parse_spec("try", {**request, "device": "cpu"})))
    )
    assert job.priority == 10
    assert job.result is not None
    refined = read_mask(Path(job.result["mask"]))
    results = open_results(attempts.settings, job)
    found = results.find(item_key(TRIED))
    assert found is not None
    assert (found.height, found.width) == refined.shape
    assert found.confidence is not None
    assert sum(each.pixels for each in results.classes_in(found)) == refined.size


def test_what_is_no_image_is_not_tried(attempts: Attempts, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_text("no image")
    with pytest.raises(SpecError, match="image: "):
        submission.submit(
            attempts.settings, parse_spec("try", {"checkpoint": str(registered(attempts)), "image": str(path)})
        )
    with pytest.raises(SpecError, match="becomes a checkpoint by a register job"):
        parse_spec("try", {"checkpoint": str(path), "image": str(path)})
