"""What a message does, whenever it comes. Children are small scripts in place of `worker.execution.child`."""

import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, add_checkpoint, plan_shards, submit, submit_and_claim, submit_segment
from worker.execution.slots import Gpu, Slots
from worker.execution.starting.starter import Starter
from worker.execution.supervisor import SlotContext
from worker.execution.tasks import answer, run_job
from worker.jobs import catalog, jobs, leases, shards, workers
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import events
from worker.jobs.settings import Settings, load_settings
from worker.jobs.tables import JobRow
from worker.jobs.watching.waiting import find_obstacle

SCRIPT = """
import os, sys
from pathlib import Path
Path(os.environ["DEEPLAB_HOME"], "calls").open("a").write(" ".join(sys.argv[1:3] + sys.argv[3:4]) + "\\n")
Path(os.environ["DEEPLAB_HOME"], "jobs", sys.argv[1], sys.argv[2], "outcome.json").write_text('{"state": "succeeded"}')
"""


class Bench:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        (folder / "child.py").write_text(SCRIPT)
        self.stopping = False
        starter = Starter(fresh=(sys.executable, str(folder / "child.py")))
        self.slot = SlotContext("slot", "CPU", {}, lambda: self.stopping, starter)

    def deliver(self, job_id: int) -> Job:
        run_job(self.settings, job_id, self.slot)
        with open_session(self.settings, reads_only=True) as session:
            return jobs.get(session, job_id)

    def calls(self) -> list[str]:
        path = self.settings.home / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def bench(sqlite_store: Settings, tmp_path: Path) -> Bench:
    return Bench(sqlite_store, tmp_path)


def test_a_queued_job_is_run(bench: Bench) -> None:
    with open_session(bench.settings) as session:
        job = submit(session, bench.settings)
    assert bench.deliver(job.id).state == catalog.SUCCEEDED
    assert bench.calls() == [f"{job.id} 1 --parent"]


def test_duplicate_and_late_messages_do_nothing(bench: Bench) -> None:
    with open_session(bench.settings) as session:
        running = submit_and_claim(session, bench.settings)
        done = submit(session, bench.settings)
        cancelled = jobs.cancel(session, submit(session, bench.settings).id)
    ended = bench.deliver(done.id)
    for job in (running, ended, cancelled):
        assert bench.deliver(job.id) == job
    assert len(bench.calls()) == 1


def test_a_message_from_another_database_does_nothing(bench: Bench) -> None:
    run_job(bench.settings, 4711, bench.slot)
    answer(bench.settings, 4711, Slots("cpu@here", [], None))
    assert bench.calls() == []


def test_a_worker_that_stops_takes_no_job(bench: Bench) -> None:
    with open_session(bench.settings) as session:
        job = submit(session, bench.settings)
    bench.stopping = True
    assert bench.deliver(job.id) == job


@pytest.mark.parametrize("gpus", [[], [Gpu("GPU-0", "Made up")]], ids=["none", "one"])
def test_a_job_for_more_gpus_than_the_worker_has_is_left_alone(bench: Bench, gpus: list[Gpu]) -> None:
    with open_session(bench.settings) as session:
        job = submit(session, bench.settings, gpus=2, overrides="SOLVER.BATCH_SIZE.TRAIN=4")
    answer(bench.settings, job.id, Slots("gpu@here", gpus, None))
    with open_session(bench.settings, reads_only=True) as session:
        assert jobs.get(session, job.id) == job


@pytest.fixture
def segment(bench: Bench) -> Job:
    """A running segment job of another owner."""
    with open_session(bench.settings) as session:
        job = leases.claim(session, submit_segment(session, bench.settings).id, "owner", FOREVER)
    assert job is not None
    return job


def test_a_running_segment_job_with_a_free_shard_is_helped(bench: Bench, segment: Job) -> None:
    with open_session(bench.settings) as session:
        plan_shards(session, segment.id, 6, 3)
    assert bench.deliver(segment.id) == segment
    assert bench.calls() == [f"{segment.id} {segment.fence} --assist"]


def test_a_segment_job_without_a_free_shard_is_left_alone(bench: Bench, segment: Job) -> None:
    assert bench.deliver(segment.id) == segment  # not split yet
    with open_session(bench.settings) as session:
        plan_shards(session, segment.id, 3, 3)
        shards.claim(session, segment.id, "owner", FOREVER)
    assert bench.deliver(segment.id) == segment
    assert bench.calls() == []


def test_a_segment_job_that_is_being_cancelled_is_left_alone(bench: Bench, segment: Job) -> None:
    with open_session(bench.settings) as session:
        plan_shards(session, segment.id, 6, 3)
        jobs.cancel(session, segment.id)
    assert bench.deliver(segment.id).state == catalog.RUNNING
    assert bench.calls() == []


def test_a_job_whose_root_this_machine_lacks_is_left_to_a_worker_that_has_it(store: Settings, tmp_path: Path) -> None:
    roots = {name: Bench(with_root(store, tmp_path / name), tmp_path) for name in ("data", "other")}
    images = draw_folder(tmp_path / "data") / "images"
    with open_session(roots["data"].settings) as session:
        checkpoint = add_checkpoint(session, store, submit_and_claim(session, store))
        job = submit(session, store, "segment", checkpoint=str(checkpoint), input=str(images))
        behind = submit(session, store)
    for _ in range(2):
        assert roots["other"].deliver(job.id).state == catalog.QUEUED
    with open_session(roots["other"].settings) as session:
        assert jobs.get(session, behind.id).state == catalog.SUCCEEDED
        workers.register(session, "gpu@here", "gpu", "CPU")
        assert "slot passed it over: input: data:/images lies in the root 'data'" in str(
            find_obstacle(session, store, jobs.get(session, job.id))
        )
        assert [event.message for event in events.list_events(session, job.id)][1:] == [
            "slot passed it over: input: data:/images lies in the root 'data', which this machine does not have; name"
            " its folder in DEEPLAB_NAMED_ROOTS."
        ]
    assert roots["data"].deliver(behind.id).state == catalog.SUCCEEDED
    with open_session(roots["data"].settings) as session:
        assert jobs.get(session, job.id).state == catalog.SUCCEEDED


def test_a_segment_job_whose_root_this_machine_lacks_is_not_helped(bench: Bench, segment: Job, tmp_path: Path) -> None:
    settings = with_root(bench.settings, tmp_path / "data")
    with open_session(settings) as session:
        session.execute(update(JobRow).where(JobRow.id == segment.id).values(spec={"input": str(tmp_path / "data")}))
    bench.deliver(segment.id)
    assert bench.calls() == []


def with_root(settings: Settings, folder: Path) -> Settings:
    """Settings of a machine that has a folder under a name."""
    return load_settings(**{**settings.model_dump(exclude_unset=True), "named_roots": f"{folder.name}={folder}"})
