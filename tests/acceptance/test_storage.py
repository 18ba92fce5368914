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
from web import create_app
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

    def start_worker(self, machine: str, queue: str = "gpu", *, ahead: int = 0) -> None:
        """Start a worker on a machine whose clock is some seconds ahead."""
        settings = self._settings(machine, self.here, self.here.storage_url, connection.url(self.here))
        variables = {"PYTHONPATH": str(_ELSEWHERE), "TEST_HOST": machine, "TEST_CLOCK_AHEAD": str(ahead)}
        self.platform.start_worker(queue, f"{queue}@{machine}", settings.environment() | variables)

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
            auth="off",
            shard_images=2,
        )


def test_machines_that_share_nothing_but_storage_go_on_with_each_others_jobs(
    tmp_path: Path, postgresql: OpenStore, sample: Path, s3: S3
) -> None:
    """One is killed in mid-training; their clocks differ by an hour; data lies elsewhere on each, or on S3."""
    machines = Machines(tmp_path, postgresql(tmp_path), sample, s3)
    here, data = machines.here, machines.data_of("here")
    shutil.copytree(sample, data, dirs_exist_ok=True)
    for path in sorted(each for each in sample.rglob("*") if each.is_file()):
        s3.put(f"data/{path.relative_to(sample)}", path.read_bytes())
    on_s3 = f"DATASET.ROOT={s3.url}/data\nDATASET.LABELS={s3.url}/data/labels.txt"
    with machines.platform as platform:
        machines.start_worker("one", ahead=3600)
        at_home = f"DATASET.ROOT={data}\nDATASET.LABELS={data}/labels.txt\nSOLVER.ITER_MAX=200\nSOLVER.ITER_SAVE=20"
        train = platform.submit("train", config=str(data / "config.yaml"), overrides=at_home)
        platform.wait(train, lambda job: job.state == catalog.RUNNING)
        wait_for_checkpoint(platform, train)
        platform.kill_worker(platform.workers["gpu@one"])
        shutil.rmtree(machines.folder / "one")  # nothing is left of it
        machines.start_worker("two")
        train = platform.wait(train)
        assert train.state == catalog.SUCCEEDED, train.error
        assert any(message.startswith("resumed from checkpoint") for message in messages(platform, train))
        wait_until(lambda: "on gpu@two" in platform.log(train.id), 30)

        machines.start_worker("one", "cpu", ahead=-3600)
        checkpoint = str(train.result["checkpoint"]) if train.result else ""
        evaluate = platform.succeed("evaluate", checkpoint=checkpoint, overrides=on_s3, save_masks=True)
        crf = platform.succeed("crf", evaluate_job=evaluate.id)
        assert (evaluate.owner, crf.owner) == (None, None)
        machines.start_worker("one", ahead=3600)
        segment = platform.succeed("segment", checkpoint=checkpoint, input=f"{s3.url}/data/images")
        assert segment.result is not None
        assert (segment.result["n_ok"], segment.result["n_error"]) == (6, 0)
    _browse(here, evaluate.id, segment.id)
    assert f"platform/jobs/{segment.id}/output/masks/3.png.png" in s3.names("platform/")


def _browse(here: Settings, evaluate_id: int, segment_id: int) -> None:
    """A machine that has run nothing shows what the others did."""
    assert not list(storage.jobs_dir(here).rglob("*.png"))
    client = create_app(here).test_client()
    for job_id in (evaluate_id, segment_id):
        found = client.get(f"/api/v1/jobs/{job_id}/results").get_json()
        assert len(found["images"]) == 6
        key = found["images"][0]["key"]
        for what in ("images", "masks"):
            assert client.get(f"/jobs/{job_id}/{what}/{key}").status_code == 200
        assert client.get(f"/jobs/{job_id}/results/{key}").status_code == 200
        assert "Succeeded." in client.get(f"/jobs/{job_id}/log").text
    assert client.get(f"/jobs/{segment_id}/manifest.csv").text.count("\n") == 7
