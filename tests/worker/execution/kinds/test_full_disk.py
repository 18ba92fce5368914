"""Attempts that run out of disk leave nothing half-written, wait for room, and go on where they were."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab.errors import OutputError
from deeplab.files import is_draft
from tests.disks import fill, small_disk
from tests.worker.execution.kinds.store import Attempts
from worker.execution.child import describe
from worker.execution.kinds import run_attempt
from worker.jobs.outcomes import OUTAGE
from worker.jobs.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "60m") as folder:
        yield folder


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path, disk: Path) -> Attempts:
    """Files of jobs are on the small disk, the database is not."""
    database = f"sqlite:///{sqlite_store.home}/deeplab.sqlite"
    changes = {"home": disk, "database_url": database, "free_disk_mb": 20}
    return Attempts(sqlite_store.model_copy(update=changes), tmp_path)


def drafts_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if is_draft(path.name)]


def test_a_training_waits_for_room_and_goes_on_from_its_last_checkpoint(attempts: Attempts, disk: Path) -> None:
    job = attempts.submit_train()
    filling: list[Path] = []

    def fill_after_the_first_checkpoint() -> bool:
        if not filling and attempts.checkpoints(job):
            filling.append(fill(disk, leave=10_000_000))
        return False

    first = attempts.claim(job, should_stop=fill_after_the_first_checkpoint)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        run_attempt(first)
    assert describe(caught.value).state == OUTAGE
    assert [each.iteration for each in attempts.checkpoints(job)] == [1]
    assert drafts_in(disk) == []
    attempts.crash(first)

    second = attempts.claim(job)
    with pytest.raises(OutputError, match="20 MB are needed") as caught:
        run_attempt(second)
    assert describe(caught.value).state == OUTAGE
    attempts.crash(second)

    filling[0].unlink()
    assert attempts.succeed(attempts.claim(job)).result["iteration"] == 2  # type: ignore[index]
    assert any(event.startswith("resumed from checkpoint 1 ") for event in attempts.events(job))


@pytest.mark.parametrize("kind", ["evaluate", "segment"])
def test_other_kinds_end_their_attempt_alone(attempts: Attempts, disk: Path, kind: str) -> None:
    job = attempts.submit_evaluate() if kind == "evaluate" else attempts.submit_segment(overlays=True)
    first = attempts.claim(job)
    settings = attempts.settings
    attempts.settings = settings.model_copy(update={"free_disk_mb": 0})
    filling = fill(disk, leave=4096)
    starved = type(first)(attempts.settings, first.job, first.reporter)
    with pytest.raises(OutputError) as caught:
        run_attempt(starved)
    assert describe(caught.value).state == OUTAGE
    assert drafts_in(disk) == []
    attempts.crash(first)
    filling.unlink()
    attempts.settings = settings
    assert attempts.succeed(attempts.claim(job)).state == "succeeded"
