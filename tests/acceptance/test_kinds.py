"""The four kinds of jobs, one after the other, as a person would run them."""

import shutil
from pathlib import Path

import psutil
import pytest

from deeplab.files import sha256_of
from deeplab.images.masks import read_mask
from deeplab.inference.manifest import read_manifest
from tests.acceptance.conftest import LABELS
from tests.acceptance.platform import Platform
from tests.processes import family_of
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints, evaluations, metrics

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


def loaded_torch(process: psutil.Process) -> bool:
    return any("libtorch" in library.path for library in process.memory_maps())


def test_train_evaluate_crf_segment(platform: Platform, sample: Path) -> None:
    gpu_worker = platform.start_worker("gpu")
    platform.start_worker("cpu")

    train = platform.succeed("train", config=str(sample / "config.yaml"))
    assert train.result is not None
    assert (train.done, train.total, train.unit, train.result["iteration"]) == (40, 40, "iteration", 40)
    attempt = storage.attempt_dir(platform.settings, train.id, train.fence)
    assert list((attempt / "logs").glob("events.out.tfevents.*"))
    assert "Training starts at iteration 0." in platform.log(train.id)
    with open_session(platform.settings, reads_only=True) as session:
        losses = metrics.list_metrics(session, train.id, ["loss"])["loss"]
        assert [iteration for iteration, _ in losses] == [1, 10, 20, 30, 40]
        saved = checkpoints.list_checkpoints(session, train.id)
    assert [each.iteration for each in saved] == [40, 20]
    assert saved[0].id == train.result["checkpoint"]
    for each in saved:
        assert each.path.parent == attempt
        assert sha256_of(each.path) == each.sha256

    checkpoint = str(train.result["checkpoint"])
    evaluate = platform.succeed("evaluate", checkpoint=checkpoint)
    crf = platform.succeed("crf", evaluate_job=evaluate.id)
    whole = {"inference": {"MODE": "whole", "SCALES": [1.0], "FLIP": False}}
    for job, settings in ((evaluate, whole), (crf, {**whole, "crf": crf.config["CRF"]})):
        with open_session(platform.settings, reads_only=True) as session:
            evaluation = evaluations.find(session, job.id)
            confusion = evaluations.find_confusion(session, job.id)
        assert evaluation is not None
        assert job.result is not None
        assert (evaluation.checkpoint, evaluation.split, evaluation.settings) == (checkpoint, "val", settings)
        assert evaluation.mean_iou == job.result["mean_iou"]
        assert evaluation.scores["labels"] == list(LABELS)
        assert evaluation.scores["n_images"] == 6
        assert sum(map(sum, confusion or [])) == 6 * 40 * 48
        assert (job.done, job.total, job.unit) == (6, 6, "image")

    segment = platform.succeed("segment", checkpoint=checkpoint, input=str(sample / "images"), overlays=True)
    assert segment.result is not None
    output = Path(segment.result["output"])
    assert (segment.result["n_ok"], segment.result["n_error"]) == (6, 0)
    assert [row.path for row in read_manifest(output / "manifest.csv")] == [f"{number}.png" for number in range(6)]
    assert read_mask(output / "masks" / "3.png.png").shape == (40, 48)
    assert (output / "overlays" / "3.png.jpg").exists()
    assert (output / "labels.txt").read_text() == (sample / "labels.txt").read_text()

    # The main process and one of the pool, which has run three jobs, and what that one forks them from.
    main, *others = family_of(gpu_worker.pid)
    assert not loaded_torch(main)
    assert [loaded_torch(process) for process in others] == [False, True]


def test_a_job_that_fails_shows_its_sentence_and_is_not_tried_again(
    platform: Platform, sample: Path, weights: Path, tmp_path: Path
) -> None:
    gone = shutil.copytree(sample, tmp_path / "gone")
    request = {"checkpoint": str(weights), "config": str(sample / "config.yaml"), "overrides": f"DATASET.ROOT={gone}"}
    submitted = platform.submit("evaluate", **request)
    shutil.rmtree(gone)
    platform.start_worker("gpu")
    job = platform.wait(submitted)
    assert (job.state, job.attempts) == ("failed", 1)
    assert job.error == f"{tmp_path / 'gone'}: the dataset's folder does not exist."
    assert job.error in platform.log(job.id)
