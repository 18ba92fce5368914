"""Jobs whose files lie on S3, run by machines that share nothing but a database, a broker and that."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab.mirrors import Mirrors, mount
from tests.acceptance.platform import Platform
from tests.acceptance.test_survival import messages, wait_for_checkpoint
from tests.conftest import OpenStore
from tests.processes import wait_until
from tests.s3 import S3, serve_s3
from worker.jobs import catalog, storage
from worker.jobs.broker import connection
from worker.jobs.settings import Settings, load_settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

_ELSEWHERE = Path(__file__).with_name("elsewhere")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with serve_s3(monkeypatch) as s3:
        yield s3
    mount(Mirrors())


class Machines:
    """A machine for people, and others that run workers; each has a home and a folder of data of its own."""

    def __init__(self, folder: Path, here: Settings, sample: Path, s3: S3) -> None:
        self.folder = folder
        self.sample = sample
        self.here = self._settings("here", here, f"{s3.url}/platform")
        self.platform = Platform(self.here)
        storage.mount(self.here)

    def start_worker(self, machine: str, *, ahead: int) -> None:
        """Start a worker on a machine whose clock is some seconds ahead."""
        settings = self._settings(machine, self.here, self.here.storage_url, connection.url(self.here))
        variables = {"PYTHONPATH": str(_ELSEWHERE), "TEST_HOST": machine, "TEST_CLOCK_AHEAD": str(ahead)}
        self.platform.start_worker("gpu", f"gpu@{machine}", settings.environment() | variables)

    def data_of(self, machine: str) -> Path:
        return self.folder / machine / "data"

    def _settings(self, machine: str, like: Settings, storage_url: str, broker_url: str = "") -> Settings:
        if not self.data_of(machine).exists():
            shutil.copytree(self.sample, self.data_of(machine))
        return load_settings(
            **like.model_dump(include={"lease_seconds", "reconcile_seconds", "stop_seconds", "retry_seconds"}),
            home=self.folder / machine / "home",
            database_url=like.database,
            broker_url=broker_url,
            storage_url=storage_url,
            named_roots=f"data={self.data_of(machine)}",
        )


def test_a_machine_goes_on_with_the_training_of_another_one_that_is_gone(
    tmp_path: Path, postgresql: OpenStore, sample: Path, s3: S3
) -> None:
    """Their clocks differ by two hours, and each has the data in a folder of its own."""
    machines = Machines(tmp_path, postgresql(tmp_path), sample, s3)
    data = machines.data_of("here")
    overrides = f"DATASET.ROOT={data}\nDATASET.LABELS={data}/labels.txt\nSOLVER.ITER_MAX=120\nSOLVER.ITER_SAVE=20"
    with machines.platform as platform:
        machines.start_worker("one", ahead=3600)
        job = platform.submit("train", config=str(data / "config.yaml"), overrides=overrides)
        platform.wait(job, lambda job: job.state == catalog.RUNNING)
        wait_for_checkpoint(platform, job)
        platform.kill_worker(platform.workers["gpu@one"])
        shutil.rmtree(machines.folder / "one")  # nothing is left of it
        machines.start_worker("two", ahead=-3600)
        job = platform.wait(job)
        assert job.state == catalog.SUCCEEDED, job.error
        assert any(message.startswith("resumed from checkpoint") for message in messages(platform, job))
        wait_until(lambda: "on gpu@two" in platform.log(job.id), 30)
    assert not list(storage.jobs_dir(machines.here).rglob("*.pth"))
    assert f"platform/jobs/{job.id}/{job.fence}/checkpoint_final.pth" in s3.names("platform/")
