"""What an evaluate job leaves of each image."""

from pathlib import Path

import numpy as np
import pytest

from deeplab.images.masks import read_mask
from tests.worker.execution.kinds.store import Attempts
from worker.execution.kinds import run_attempt
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import evaluations
from worker.jobs.results import parts
from worker.jobs.results.filters import Filter
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store, tmp_path)


def results_of(attempts: Attempts, job: Job) -> Results:
    with open_session(attempts.settings, reads_only=True) as session:
        folders = [part.folder for part in parts.list_parts(session, job.id)]
    assert len(folders) == 1
    return Results(attempts.settings, lambda: folders)


def test_an_evaluation_leaves_the_scores_and_the_label_map_of_every_image(attempts: Attempts) -> None:
    job = attempts.evaluate()
    results = results_of(attempts, job)
    images = list(results.stream(Filter()))
    masks = storage.label_maps_dir(attempts.settings, job.id, job.fence)
    assert [image.path for image in images] == sorted(path.stem for path in masks.iterdir())
    for image in images:
        assert image.mean_iou is not None
        assert image.confidence is not None
        assert image.label_quality is not None
        mask = read_mask(masks / f"{image.path}.png")
        assert {each.index: each.pixels for each in results.classes_in(image) if each.pixels} == {
            index: count for index, count in enumerate(np.bincount(mask.ravel())) if count
        }
    counted = results.counts_by_image()
    with open_session(attempts.settings, reads_only=True) as session:
        confusion = np.array(evaluations.find_confusion(session, job.id))
    assert counted["hits"].sum() == np.trace(confusion)
    assert counted["true"].sum() == confusion.sum()


def test_a_second_attempt_replaces_what_the_first_one_left(attempts: Attempts) -> None:
    job = attempts.submit_evaluate()
    first = attempts.claim(job)
    run_attempt(first)
    attempts.crash(first)
    second = attempts.claim(job, "b")
    attempts.succeed(second)
    assert len(list(results_of(attempts, second.job).stream(Filter()))) == 4


def test_label_maps_need_not_be_kept(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_evaluate(save_masks=False))
    attempts.succeed(attempt)
    assert not storage.label_maps_dir(attempts.settings, attempt.job.id, attempt.job.fence).exists()
