from dataclasses import replace

import pytest

from tests.web.population import Population
from web.text.describe import conditions, error_text, evaluated_on, outcome, progress, subject
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import evaluations
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.watching.waiting import Obstacle


def read(population: Population, job_id: int) -> Job:
    with open_session(population.settings, reads_only=True) as session:
        return jobs.get(session, job_id)


def test_subjects(population: Population) -> None:
    assert subject(read(population, population.trained)) == "on shapes"
    assert subject(read(population, population.evaluated)) == "checkpoint 2 on shapes"
    assert subject(read(population, population.refined)) == f"on job {population.evaluated}, shapes"
    assert subject(read(population, population.searched)) == f"grid search on job {population.evaluated}, shapes"
    assert subject(read(population, population.segmented)) == "photos with checkpoint 2"


def test_a_weights_file_and_a_folder_stand_for_themselves(population: Population) -> None:
    job = read(population, population.evaluated)
    job = replace(job, checkpoint="/data/deep.pth", dataset="/data/shapes")
    assert subject(job) == "deep.pth on shapes"


def test_outcomes(population: Population) -> None:
    expected = {
        population.trained: "checkpoint 2 after 1\u202f200 iterations",
        population.validated: "best mean IoU 71.6\u202f% with checkpoint 3; last "
        "checkpoint 4 after 1\u202f200 iterations",
        population.refined: "mean IoU 74.0\u202f%",
        population.searched: "best mean IoU 74.0\u202f% with BI_W=8, BI_XY_STD=40",
        population.segmented: "5 of 6 segmented, 1 failed",
        population.failed: "masks/3.png: holds class 7; DATASET.N_CLASSES is 3.",
        population.cancelled: "cancelled",
        population.running: "",
    }
    assert {job_id: outcome(read(population, job_id)) for job_id in expected} == expected


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"state": "queued"}, "waiting for a worker"),
        ({"state": "running"}, "starting"),
        ({"state": "running", "cancel_requested": True, "total": 5}, "stopping; this takes a few seconds"),
        (
            {"state": "running", "done": 480, "total": 1200, "eta_seconds": 151.0},
            "480 of 1\u202f200 iterations · 2 min 31 s left",
        ),
        ({"state": "running", "done": 0, "total": 1}, "0 of 1 iteration"),
        ({"state": "queued", "done": 480, "total": 1200, "eta_seconds": 151.0}, "480 of 1\u202f200 iterations"),
    ],
)
def test_progress(population: Population, changes: dict[str, object], text: str) -> None:
    job = replace(read(population, population.running), done=0, total=0, eta_seconds=None)
    assert progress(replace(job, **changes)) == text  # type: ignore[arg-type]


def test_a_queue_that_nobody_serves_is_named(population: Population) -> None:
    job = read(population, population.queued)
    obstacle = Obstacle("No live worker serves the gpu queue.", None)
    assert progress(job, obstacle) == "no live worker serves the gpu queue"


@pytest.mark.parametrize(("dataset", "text"), [("shapes", "shapes, val"), ("/data/city streets", "city streets, val")])
def test_an_evaluation_names_its_dataset(population: Population, dataset: str, text: str) -> None:
    with open_session(population.settings, reads_only=True) as session:
        evaluation = evaluations.find(session, population.evaluated)
    assert evaluation is not None
    assert evaluated_on(replace(evaluation, dataset=dataset)) == text


def test_the_outcome_of_a_job_with_videos(population: Population) -> None:
    job = read(population, population.segmented)
    result = {"n_ok": 4, "n_error": 0, "n_videos": 1, "n_frames": 1200}
    assert outcome(replace(job, result=result)) == "3 images and 1 video (1\u202f200 frames) segmented"


def test_errors_are_told_without_the_common_folder(population: Population) -> None:
    error = f"{population.folder}/a/b.jpg: is not an image."
    assert error_text(error, read(population, population.segmented)) == "a/b.jpg: is not an image."


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"crf": {}}, ["CRF"]),
        ({"inference": {"MODE": "whole", "SCALES": [1.0], "FLIP": False}}, []),
        (
            {"inference": {"MODE": "slide", "WINDOW": 513, "SCALES": [0.5, 1.0], "FLIP": True}, "crf": {}},
            ["slide 513", "scales 0.5, 1", "flip", "CRF"],
        ),
    ],
)
def test_conditions_of_an_evaluation(settings: dict[str, object], expected: list[str]) -> None:
    evaluation = Evaluation(1, 1, "1", "shapes", "val", settings, 0.5, 0.0, {})
    assert conditions(evaluation) == expected
