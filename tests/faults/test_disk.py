"""A disk that is full for a while in mid-job: it ends nothing but attempts."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.platform import Platform
from tests.disks import fill, small_disk
from tests.faults.conftest import fresh_settings
from tests.faults.invariants import find_violations
from tests.faults.scene import Inputs
from worker.jobs import catalog
from worker.jobs.settings import Settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.faults]


@pytest.fixture(params=["sqlite", "postgresql"])
def on_small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A platform whose home, broker and embedded database included, is a disk of 200 MB."""
    with small_disk(tmp_path / "disk", "200m") as disk:
        yield fresh_settings(request, disk / "home", request.param, free_disk_mb=1)


@pytest.mark.parametrize("kind", ["train", "segment"])
def test_a_full_disk_ends_nothing_but_the_attempt(
    on_small_disk: Settings, inputs: Inputs, rng: random.Random, kind: str
) -> None:
    fields = {"config": str(inputs.config), "overrides": "SOLVER.ITER_MAX=600\nSOLVER.ITER_SAVE=5"}
    if kind == "segment":
        fields = {"config": str(inputs.config), "checkpoint": str(inputs.weights), "input": str(inputs.images)}
        fields |= {"overrides": "IMAGE.SIZE.TEST=256", "batch_size": "1"}
    with Platform(on_small_disk) as platform:
        workers = [platform.start_worker(name=f"{name}@test") for name in ("first", "second")]
        job = platform.submit(kind, **fields)
        platform.wait(job, lambda job: job.done > 0 or job.is_terminal, 200)
        filling = fill(on_small_disk.home.parent, leave=rng.choice([0, 4096, 100_000]))
        time.sleep(rng.uniform(8, 16))
        filling.unlink()
        os.sync()
        ended = platform.wait(job, seconds=300)
        assert ended.state == catalog.SUCCEEDED, platform.attempts(job)
        assert [each.poll() for each in workers] == [None, None]
        assert find_violations(on_small_disk) == []
