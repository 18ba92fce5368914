"""Jobs of all kinds with inputs, outputs and files on a real server that speaks S3, each on a machine of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab.errors import StorageAwayError, StorageError
from deeplab.mirrors import Mirrors, mount
from deeplab.reporter import Stopped
from tests.conftest import TIMES
from tests.s3 import S3, serve_s3
from tests.worker.execution.kinds.store import Attempts
from web.app import create_app
from worker.execution.child import confine_to_roots, describe
from worker.execution.kinds import run_attempt
from worker.jobs import storage
from worker.jobs.jobs import Job
from worker.jobs.places import UnknownRootError
from worker.jobs.settings import Settings, load_settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as monkeypatch, serve_s3(monkeypatch) as s3:
        yield s3


class Machines:
    """Several machines with one database and one storage, of which the attempts of this process run on one."""

    def __init__(self, store: Settings, folder: Path, s3: S3) -> None:
        self.s3 = s3
        self.url = f"{s3.url}/{folder.name}"
        self._store = store
        self._folder = folder
        self.attempts = Attempts(self.move_to("first"), folder)
        for path in sorted(each for each in self.attempts.root.rglob("*") if each.is_file()):
            s3.put(f"{folder.name}/data/{path.relative_to(self.attempts.root)}", path.read_bytes())

    def move_to(self, name: str, **changes: object) -> Settings:
        """Go on with everything on another machine."""
        settings = load_settings(
            home=self._folder / name,
            database_url=self._store.database,
            storage_url=f"{self.url}/platform",
            auth="off",
            shard_images=2,
            **{"storage_seconds": 30, **TIMES, **changes},
        )
        storage.mount(settings)
        if hasattr(self, "attempts"):
            self.attempts.settings = settings
        return settings

    def run(self, job: Job) -> Job:
        return self.attempts.succeed(self.attempts.claim(job))


@pytest.fixture
def machines(sqlite_store: Settings, tmp_path: Path, server: S3) -> Iterator[Machines]:
    yield Machines(sqlite_store, tmp_path, server)
    mount(Mirrors())


def test_every_kind_of_job_goes_on_where_another_machine_left_off(machines: Machines) -> None:
    attempts, on_s3 = machines.attempts, f"DATASET.ROOT={machines.url}/data"
    train = attempts.submit_train(overrides=on_s3)
    with pytest.raises(Stopped):
        run_attempt(killed := attempts.claim(train, should_stop=lambda: bool(attempts.checkpoints(train))))
    attempts.crash(killed)
    shutil.rmtree(machines.attempts.settings.home)

    machines.move_to("second")
    train = machines.run(train)
    assert any(message.startswith("resumed from checkpoint") for message in attempts.events(train))
    trained = {"checkpoint": str(train.result["checkpoint"])} if train.result else {}
    evaluate = machines.run(attempts.submit("evaluate", **trained, overrides=on_s3))

    machines.move_to("third")
    crf = machines.run(attempts.submit_crf(evaluate))
    output = f"{machines.url}/masks"
    segment = machines.run(attempts.submit("segment", **trained, input=f"{machines.url}/data/images", output=output))
    assert segment.result is not None
    assert (segment.result["n_ok"], segment.result["n_error"]) == (4, 0)
    masks = [name for name in machines.s3.names(f"{machines.url.rpartition('/')[2]}/masks/") if name.endswith(".png")]
    assert len(masks) == 4

    _browse(machines.move_to("fourth"), evaluate, crf, segment)


def _browse(settings: Settings, *browsed: Job) -> None:
    """A machine that has run nothing shows what the others did."""
    assert not list(settings.home.rglob("*.png"))
    client = create_app(settings).test_client()
    for job in browsed:
        assert client.get(f"/jobs/{job.id}/results").status_code == 200
        found = client.get(f"/api/v1/jobs/{job.id}/items").get_json()["items"]
        assert len(found) == 4
        for what in ("images", "masks"):
            assert client.get(f"/jobs/{job.id}/{what}/{found[0]['key']}").status_code == 200
        assert client.get(f"/jobs/{job.id}/results/{found[0]['key']}").status_code == 200
    with client.get(f"/jobs/{browsed[-1].id}/manifest.csv") as sent:
        assert sent.get_data(as_text=True).count("\n") == 5


def test_storage_that_stays_away_ends_the_attempt_as_an_outage(machines: Machines) -> None:
    attempt = machines.attempts.claim(machines.attempts.submit_segment())
    machines.move_to("first", storage_seconds=0.1)
    machines.s3.go_away()
    try:
        with pytest.raises(StorageAwayError) as caught:
            run_attempt(attempt)
    finally:
        machines.s3.come_back()
    assert describe(caught.value).state == "outage"
    machines.move_to("second")
    machines.attempts.crash(attempt)
    assert machines.run(attempt.job).state == "succeeded"


def test_a_bucket_that_does_not_exist_fails_the_job(machines: Machines) -> None:
    attempt = machines.attempts.claim(machines.attempts.submit_segment(output="s3://no-such-bucket/masks"))
    with pytest.raises(StorageError, match=r"^s3://no-such-bucket/masks/.*there is no such bucket") as caught:
        run_attempt(attempt)
    assert describe(caught.value).state == "failed"


def test_a_root_that_this_machine_does_not_have_is_named(machines: Machines) -> None:
    data = machines.attempts.root
    machines.move_to("first", named_roots=f"data={data}")
    job = machines.attempts.claim(machines.attempts.submit_segment()).job
    assert job.spec["input"] == str(data / "images")
    elsewhere = data.rename(data.with_name("elsewhere"))
    settings = machines.move_to("second", named_roots=f"data={elsewhere}")
    assert machines.attempts.find(job).spec["input"] == str(elsewhere / "images")
    confine_to_roots(settings, machines.attempts.find(job))
    settings = machines.move_to("third")
    with pytest.raises(
        UnknownRootError, match=r"^checkpoint: data:/weights.pth lies in the root 'data', which this machine"
    ):
        confine_to_roots(settings, machines.attempts.find(job))
