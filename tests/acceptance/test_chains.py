"""Real workers: a chain that is submitted in one go, and a training that is paused."""

from pathlib import Path

import pytest

from tests.acceptance.platform import Platform
from tests.acceptance.test_survival import wait_for_checkpoint
from worker.jobs import catalog, holds
from worker.jobs.database import open_session
from worker.jobs.records.checkpoint_ref import CheckpointRef

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


def test_a_chain_runs_through_a_pause_of_its_training(platform: Platform, sample: Path, weights: Path) -> None:
    config = str(sample / "config.yaml")
    for queue in ("gpu", "cpu"):
        platform.start_worker(queue)
    trained = platform.submit("train", config=config, overrides="SOLVER.ITER_MAX=200\nSOLVER.ITER_SAVE=20")
    evaluated = platform.submit("evaluate", checkpoint=CheckpointRef.of_job(trained.id).text)
    refined = platform.submit("crf", evaluate_job=evaluated.id, overrides="CRF.ITER_MAX=1")

    platform.wait(trained, lambda job: job.state == catalog.RUNNING)
    wait_for_checkpoint(platform, trained)
    with open_session(platform.settings) as session:
        holds.pause(session, trained.id)
    paused = platform.wait(trained, lambda job: job.state == catalog.QUEUED)
    assert (platform.attempts(trained), paused.attempts) == (["paused"], 0)
    assert platform.children(trained) == []

    platform.succeed("evaluate", checkpoint=str(weights), config=config)  # in the slot that is free
    assert platform.job(trained.id).held_at is not None
    with open_session(platform.settings) as session:
        holds.resume(session, trained.id)

    ended = [platform.wait(job) for job in (trained, evaluated, refined)]
    assert [job.state for job in ended] == [catalog.SUCCEEDED] * 3, [job.error for job in ended]
    assert platform.attempts(trained) == ["paused", "succeeded"]
    assert ended[0].result is not None
    assert ended[1].checkpoint == str(ended[0].result["checkpoint"])
