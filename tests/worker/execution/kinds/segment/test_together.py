"""An owner and assistants that share the shards of a segment job."""

import threading
from pathlib import Path

import pytest

from deeplab.inference.manifest import read_manifest
from tests.processes import wait_until
from tests.worker.execution.kinds.segment.steps import NAMES, assist, mask_times, plan
from tests.worker.execution.kinds.store import Attempts
from tests.worker.store import FOREVER, OVER
from worker.execution.kinds import run_attempt
from worker.jobs import item_lists, shards, storage
from worker.jobs.database import open_session

pytestmark = pytest.mark.slow


def test_an_assistant_waits_for_shards_while_items_are_listed(attempts: Attempts) -> None:
    job = attempts.claim(attempts.submit_segment(), owner="owner").job
    plan(attempts, job)
    with open_session(attempts.settings) as session:
        item_lists.set_passed_over(session, job.id, {}, complete=False)
    thread = threading.Thread(target=assist, args=(attempts, job))
    thread.start()
    wait_until(lambda: len(mask_times(attempts, job)) == 4, 30)
    thread.join(1)
    assert thread.is_alive()
    with open_session(attempts.settings) as session:
        item_lists.set_passed_over(session, job.id, {}, complete=True)
    thread.join(30)
    assert not thread.is_alive()


def test_an_assistant_takes_what_is_free_and_the_owner_the_rest(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment(), owner="owner")
    plan(attempts, attempt.job)
    with open_session(attempts.settings) as session:
        shards.claim(session, attempt.job.id, "owner", FOREVER)
    assist(attempts, attempt.job)
    assert set(mask_times(attempts, attempt.job)) == {"2.png.png", "3.png.png"}
    with open_session(attempts.settings) as session:
        assert shards.counts(session, attempt.job.id).n_ok == 2
        shards.release(session, attempt.job.id, "owner")
    assert run_attempt(attempt)["n_ok"] == 4
    rows = read_manifest(storage.output_dir(attempts.settings, attempt.job.id) / "manifest.csv")
    assert [row.path for row in rows] == NAMES


def test_the_owner_waits_for_others_and_takes_over_from_those_that_die(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment(), owner="owner")
    plan(attempts, attempt.job)
    with open_session(attempts.settings) as session:
        held = shards.claim(session, attempt.job.id, "assistant", FOREVER)
    results: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: results.append(run_attempt(attempt)))
    thread.start()
    wait_until(lambda: len(mask_times(attempts, attempt.job)) == 2, 30)
    thread.join(1)
    assert thread.is_alive()
    with open_session(attempts.settings) as session:
        shards.renew(session, attempt.job.id, "assistant", OVER)
    thread.join(30)
    output = storage.output_dir(attempts.settings, attempt.job.id)
    assert results == [
        {"output": str(output), "n_ok": 4, "n_error": 0, "n_videos": 0, "n_frames": 0, "passed_over": {}}
    ]
    assert held is not None
    with open_session(attempts.settings) as session, pytest.raises(shards.ShardLostError):
        shards.finish(session, held, Path("late.csv"), 2, 0)


def test_a_shard_that_was_taken_meanwhile_is_left_to_the_taker(attempts: Attempts) -> None:
    job = attempts.claim(attempts.submit_segment(), owner="owner").job
    plan(attempts, job)
    taken: list[shards.Shard | None] = []

    def take_it() -> bool:
        """Asked for the second time when the first shard is being segmented."""
        with open_session(attempts.settings) as session:
            if len(taken) == 1:
                shards.renew(session, job.id, "slow", OVER)
            taken.append(shards.claim(session, job.id, "taker", FOREVER) if len(taken) == 1 else None)
        return False

    assist(attempts, job, "slow", take_it)
    shard = taken[1]
    assert shard is not None
    assert (shard.number, shard.fence) == (0, 2)
    with open_session(attempts.settings) as session:
        assert shards.counts(session, job.id).n_ok == 2  # of the other shard
        shards.finish(session, shard, Path("taker.csv"), 2, 0)
        assert shards.manifests(session, job.id)[0] == Path("taker.csv")
