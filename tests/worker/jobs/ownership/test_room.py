from pathlib import Path

import pytest

from deeplab.errors import OutputError
from tests.disks import fill, small_disk
from tests.worker.store import submit
from worker.execution.outcomes import is_outage
from worker.jobs import alarms
from worker.jobs.database import open_session
from worker.jobs.ownership.room import find_shortage, require_room_for
from worker.jobs.reconciler import watch_disk
from worker.jobs.settings import Settings


def test_a_job_waits_for_room_and_every_page_says_so(sqlite_store: Settings, tmp_path: Path) -> None:
    with open_session(sqlite_store) as session:
        job = submit(session, sqlite_store)
    database = f"sqlite:///{sqlite_store.home}/deeplab.sqlite"
    with small_disk(tmp_path / "disk", "8m") as disk:
        settings = sqlite_store.model_copy(update={"home": disk, "database_url": database, "free_disk_mb": 2})
        require_room_for(settings, job)
        watch_disk(settings)
        filling = fill(disk, leave=3_000_000)
        require_room_for(settings, job)
        assert find_shortage(settings) == f"The disk of {disk} has less than 4 MB free. `deeplab gc` says what may go."
        filling.unlink()
        filling = fill(disk, leave=1_000_000)
        with pytest.raises(OutputError, match=r"No space left on device: 2 MB are needed, .* free") as caught:
            require_room_for(settings, job)
        assert is_outage(caught.value)
        watch_disk(settings)
        with open_session(settings, reads_only=True) as session:
            assert "no job starts until there is room" in " ".join(alarms.list_fresh(session))
        filling.unlink()
        watch_disk(settings)
        with open_session(settings, reads_only=True) as session:
            assert list(alarms.list_fresh(session)) == []


def test_an_output_folder_on_a_full_disk_counts(sqlite_store: Settings, tmp_path: Path) -> None:
    with open_session(sqlite_store) as session:
        job = submit(session, sqlite_store)
    with small_disk(tmp_path / "disk", "8m") as disk:
        fill(disk, leave=1_000_000)
        settings = sqlite_store.model_copy(update={"free_disk_mb": 2})
        job.spec["output"] = str(disk / "not" / "there" / "yet")
        with pytest.raises(OutputError, match="No space left"):
            require_room_for(settings, job)
