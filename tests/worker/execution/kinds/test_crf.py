"""CRF jobs on the logits of a real model, which is tiny and untrained."""

from pathlib import Path

import pytest

from deeplab.reporter import Stopped
from tests.worker.execution.kinds.store import Attempts
from worker.execution.kinds import run_attempt
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import evaluations, trials
from worker.jobs.records.trials import Trial
from worker.jobs.results import parts
from worker.jobs.settings import Settings

pytestmark = pytest.mark.slow

GRID = "BI_W=1,40\nITER_MAX=0,3,5"


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store, tmp_path)


def trials_of(attempts: Attempts, job: Job) -> list[Trial]:
    with open_session(attempts.settings, reads_only=True) as session:
        return trials.list_trials(session, job.id, job.spec)


def test_refined_logits_are_another_evaluation(attempts: Attempts) -> None:
    evaluated = attempts.evaluate()
    job = attempts.succeed(attempts.claim(attempts.submit_crf(evaluated, overrides="CRF.BI_W=40")))
    with open_session(attempts.settings, reads_only=True) as session:
        evaluation = evaluations.find(session, job.id)
    assert evaluation is not None
    assert evaluation.settings == {
        "inference": {"MODE": "whole", "SCALES": [1.0], "FLIP": False},
        "crf": job.config["CRF"],
    }
    assert job.result == {"mean_iou": evaluation.mean_iou}
    assert evaluation.policy is not None
    assert evaluation.dataset_version is not None
    with open_session(attempts.settings, reads_only=True) as session:
        before = evaluations.find(session, evaluated.id)
        [part] = parts.list_parts(session, job.id)
    assert before is not None
    assert (before.policy, before.dataset_version) == (evaluation.policy, evaluation.dataset_version)
    assert part.n_images == 4
    masks = storage.label_maps_dir(attempts.settings, job.id, job.fence)
    assert len(list(masks.iterdir())) == len(list((masks.parent / "confidence").iterdir())) == 4
    assert (job.queue, job.done, job.total, job.unit) == ("cpu", 4, 4, "image")
    assert trials_of(attempts, job) == []


def test_a_search_scores_every_setting_and_marks_the_best(attempts: Attempts) -> None:
    evaluated = attempts.evaluate()
    job = attempts.succeed(attempts.claim(attempts.submit_crf(evaluated, grid=GRID, sample=3)))
    found = trials_of(attempts, job)
    assert [trial.setting for trial in found] == [
        {"BI_W": weight, "ITER_MAX": steps} for weight in (1, 40) for steps in (0, 3, 5)
    ]
    (best,) = (trial for trial in found if trial.best)
    assert best.scores["mean_iou"] == max(trial.scores["mean_iou"] for trial in found)
    assert job.result == {"mean_iou": best.scores["mean_iou"], "n_images": 3, "best": best.setting}
    assert (job.done, job.total, job.unit) == (18, 18, "refinement")
    with open_session(attempts.settings, reads_only=True) as session:
        assert evaluations.find(session, job.id) is None  # a sample is no split

    whole = attempts.submit_crf(evaluated, overrides=[f"CRF.{name}={value}" for name, value in best.setting.items()])
    all_images = attempts.submit_crf(evaluated, grid=GRID)
    score = attempts.succeed(attempts.claim(whole)).result
    trial = trials_of(attempts, attempts.succeed(attempts.claim(all_images)))[found.index(best)]
    assert score == {"mean_iou": trial.scores["mean_iou"]}


def test_a_preempted_search_resumes_where_it_was(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = attempts.evaluate()
    job = attempts.submit_crf(evaluated, grid=GRID)
    questions: list[int] = []

    def stops() -> bool:
        questions.append(1)
        return len(questions) == 14  # within the third image

    first = attempts.claim(job, should_stop=stops)
    with pytest.raises(Stopped):
        run_attempt(first)
    first.reporter.flush()
    attempts.crash(first)
    assert trials_of(attempts, job) == []

    continued: list[int] = []
    second = attempts.claim(job)
    monkeypatch.setattr(second.reporter, "progress", lambda done, total, unit: continued.append(done))
    ended = attempts.succeed(second)
    assert continued[0] == 12
    whole = attempts.succeed(attempts.claim(attempts.submit_crf(evaluated, grid=GRID)))
    assert [trial.scores for trial in trials_of(attempts, ended)] == [
        trial.scores for trial in trials_of(attempts, whole)
    ]


def test_a_gpu_is_asked_for_by_the_queue(attempts: Attempts) -> None:
    assert attempts.submit_crf(attempts.evaluate(), device="cuda").queue == "gpu"
