import os
import signal
import subprocess

from tests.processes import wait_until
from tests.worker.store import submit
from worker.jobs.broker.queue import channels, publish, try_publish
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings
from worker.platform import valkey


def test_a_worker_hears_of_the_jobs_that_it_has_enough_gpus_for() -> None:
    assert channels("cpu", 0) == ["cpu"]
    assert channels("gpu", 1) == ["gpu"]
    assert channels("gpu", 4) == ["gpu", "gpu.2", "gpu.3", "gpu.4"]


def test_nobody_waits_for_a_broker_that_has_just_failed(sqlite_store: Settings) -> None:
    def submitted() -> Job:
        with open_session(sqlite_store) as session:
            return submit(session, sqlite_store)

    process = subprocess.Popen(valkey.server_command(sqlite_store), stdout=subprocess.DEVNULL)
    wait_until(lambda: valkey.answers(sqlite_store), 20)
    try:
        publish(sqlite_store, submitted())
        os.kill(process.pid, signal.SIGSTOP)
        first = try_publish(sqlite_store, job := submitted())
        os.kill(process.pid, signal.SIGCONT)
        assert first is not None
        assert "the broker cannot be reached" in first
        assert try_publish(sqlite_store, job) == first  # though it is back, it is not asked for a moment
        wait_until(lambda: try_publish(sqlite_store, job) is None, 20)
    finally:
        process.kill()
        process.wait()
