"""What jobs read and write is deleted, cut or exchanged while they run: refused with its name, or made again."""

import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from deeplab.errors import DeepLabError
from tests.acceptance.platform import Platform
from tests.faults.conftest import fresh_settings
from tests.faults.invariants import find_violations
from tests.faults.scene import Inputs, Scene, kill
from tests.processes import wait_until
from worker.jobs import catalog, database, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.operations.backup import back_up, restore
from worker.jobs.records import checkpoints
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]

Damage = Callable[[Path], object]


def delete(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def exchange(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    weights = content.get("model", content)
    name = next(name for name, tensor in weights.items() if tensor.is_floating_point())
    weights[name] = weights[name] + 1
    torch.save(content, path)


DAMAGES = pytest.mark.parametrize("damage", [delete, cut, exchange])


def own_copy(weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(weights, tmp_path / "own.pth"))


@DAMAGES
def test_weights_are_not_what_they_were_at_submission(scene: Scene, tmp_path: Path, damage: Damage) -> None:
    weights = own_copy(scene.inputs.weights, tmp_path)
    kill(scene.processes())
    job = scene.evaluate(weights)
    damage(weights)
    scene.mend()
    refused(scene, job, weights, attempts=["failed"])


@DAMAGES
def test_weights_are_not_what_they_were_before_the_crash(scene: Scene, tmp_path: Path, damage: Damage) -> None:
    weights = own_copy(scene.inputs.weights, tmp_path)
    job = scene.segment(weights)
    scene.until_at_work(job)
    scene.between_attempts(job, lambda: damage(weights))
    refused(scene, job, weights, attempts=["lost", "failed"])


def refused(scene: Scene, job: Job, path: Path, attempts: list[str]) -> None:
    ended = scene.until_ended(job)
    assert ended.state == catalog.FAILED
    assert str(path) in str(ended.error)
    assert scene.attempts(job) == attempts


@DAMAGES
def test_a_training_goes_on_from_the_last_checkpoint_that_is_whole(scene: Scene, damage: Damage) -> None:
    job = scene.train(iterations=400)
    scene.until_at_work(job, done=60)
    scene.between_attempts(job, lambda: spoil_last(scene, job, damage))
    assert scene.until_ended(job).state == catalog.SUCCEEDED
    assert scene.attempts(job) == ["lost", "succeeded"]


@DAMAGES
def test_nothing_continues_a_checkpoint_that_is_damaged(scene: Scene, damage: Damage) -> None:
    trained = scene.until_ended(scene.train(iterations=20, save_every=10))
    with open_session(scene.settings, reads_only=True) as session:
        last = checkpoints.find_last(session, trained.id)
    assert last is not None
    kill(scene.processes())
    job = scene.submit(
        "train",
        config=str(scene.inputs.config),
        resume=str(last.id),
        overrides="SOLVER.ITER_MAX=40\nSOLVER.ITER_SAVE=10",
    )
    spoil_last(scene, trained, damage)
    scene.mend()
    refused(scene, job, last.path, attempts=["failed"])


def spoil_last(scene: Scene, job: Job, damage: Damage) -> None:
    with open_session(scene.settings, reads_only=True) as session:
        last = checkpoints.find_last(session, job.id)
    assert last is not None
    scene.damaged.add(last.path)
    damage(last.path)


@pytest.mark.parametrize("what", ["manifest", "results", "both"])
def test_output_of_a_shard_is_lost_before_the_merge(scene: Scene, rng: random.Random, what: str) -> None:
    job = scene.segment()
    scene.wait(job, lambda job: job.is_terminal or scene.n_finished_shards(job) >= rng.randint(1, 5), 200)
    scene.between_attempts(job, lambda: lose_shard(scene, job, rng, what))
    ended = scene.until_ended(job)
    assert ended.state == catalog.SUCCEEDED, ended.error


def lose_shard(scene: Scene, job: Job, rng: random.Random, what: str) -> None:
    folder = storage.job_dir(scene.settings, job.id)
    manifest = rng.choice(sorted(folder.glob("*/shard-*.csv")))
    if what != "results":
        manifest.unlink()
    if what != "manifest":
        shutil.rmtree(manifest.parent / "results", ignore_errors=True)


def test_an_output_folder_has_one_owner(scene: Scene, tmp_path: Path) -> None:
    output = tmp_path / "output"
    first = scene.segment(output=output)
    with pytest.raises(DeepLabError, match=f"job {first.id}"):
        scene.segment(scene.inputs.weights, output=output)
    assert scene.until_ended(first).state == catalog.SUCCEEDED


def test_an_output_folder_has_one_owner_of_many_at_once(scene: Scene, tmp_path: Path) -> None:
    """Who comes at the same moment is refused in a sentence, too."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(scene.segment, output=tmp_path / "output") for _ in range(4)]
    refusals = [error for each in asked if (error := each.exception()) is not None]
    (owner,) = [each.result() for each in asked if each.exception() is None]
    assert [type(error) for error in refusals] == [SpecError] * 3
    assert all(f"job {owner.id}" in str(error) for error in refusals)
    assert scene.until_ended(owner).state == catalog.SUCCEEDED


def test_output_within_the_input_is_no_input(scene: Scene, tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(scene.inputs.images / "day 0", images)
    totals = [
        scene.until_ended(scene.segment(images=images, output=images / name)).total for name in ("first", "second")
    ]
    assert totals == [50, 50]


def test_what_a_killed_attempt_left_is_deleted_by_the_next(scene: Scene, rng: random.Random) -> None:
    """As if it had been killed between a file and its row."""
    job = scene.train()
    scene.until_at_work(job)
    folder = storage.attempt_dir(scene.settings, job.id, 1)
    left = [folder / "checkpoint_0999999.pth", folder / ".checkpoint_0999999.pth.abcdefgh.tmp"]

    def leave() -> None:
        for path in left:
            path.write_bytes(rng.randbytes(1000))

    scene.between_attempts(job, leave)
    scene.until_ended(job)
    assert not left[0].exists()


def test_a_restored_backup_works_under_another_path(
    fresh: Settings, inputs: Inputs, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kind = "sqlite" if fresh.embedded_database else "postgresql"
    if kind == "postgresql":
        request.getfixturevalue("postgresql_programs")
    copy = fresh_settings(request, tmp_path / "elsewhere" / "home", kind)
    request_fields = {"config": str(inputs.config), "overrides": "SOLVER.ITER_MAX=400\nSOLVER.ITER_SAVE=20"}
    with Platform(fresh) as platform:
        worker = platform.start_worker()
        running = platform.submit("train", **request_fields)
        queued = platform.submit("train", **request_fields)
        platform.wait(running, lambda job: job.done >= 40, 200)
        back_up(fresh, tmp_path / "backup.tar", files=True)
        kill([each for each in platform.processes() if each.pid != worker.pid])
    shutil.rmtree(fresh.home)
    restore(copy, tmp_path / "backup.tar")
    with Platform(copy) as platform:
        platform.start_worker(name="another@test")
        for job in (running, queued):
            assert platform.wait(job, seconds=240).state == catalog.SUCCEEDED
        wait_until(lambda: len(find_violations(copy)) == 0, 10)
    database.engine_for(copy.database).dispose()
