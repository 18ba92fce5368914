"""What acceptance tests do with a platform: start and end its parts, submit jobs, wait, look at processes."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

import psutil

from deeplab.files import read_tail
from tests.processes import command_of, family_of, lives, wait_until
from worker.jobs import catalog, database, jobs, storage, submission
from worker.jobs.broker.queue import try_publish
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.platform import valkey


class Platform:
    """A context manager; after its block no process of it is left."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers: dict[str, subprocess.Popen[bytes]] = {}  # by name
        self.broker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        database.upgrade(self.settings)
        self.start_broker()
        return self

    def __exit__(self, *_exception: object) -> None:
        for worker in self.workers.values():
            if worker.poll() is None:
                self.kill_worker(worker)
        self.stop_broker()

    def start_broker(self) -> None:
        self.broker = self._start("broker", valkey.server_command(self.settings))
        wait_until(lambda: valkey.answers(self.settings), 10)

    def stop_broker(self) -> None:
        if self.broker is not None:
            self.broker.terminate()
            self.broker.wait()
            self.broker = None

    def start_worker(
        self, queue: str = "gpu", name: str | None = None, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a Celery worker, on another machine with its environment; it need not be ready when this returns."""
        name = name or f"{queue}@test"
        command = ["-P", "-m", "worker.cli", "worker", "start", "--queue", queue, "--name", name]
        worker = self._start(name, [sys.executable, *command], environment)
        self.workers[name] = worker
        return worker

    def worker_of(self, job: Job) -> subprocess.Popen[bytes]:
        """The worker that runs a job."""
        return self.workers[str(self.job(job.id).owner).partition("/")[0]]

    def wait_for_workers(self, number: int) -> None:
        """Wait until so many workers consume messages."""

        def n_ready() -> int:
            logs = storage.logs_dir(self.settings).glob("*@*.log")
            return sum("is ready" in log.read_text() for log in logs)

        wait_until(lambda: n_ready() == number, 30)

    def stop_worker(self, worker: subprocess.Popen[bytes]) -> float:
        """Stop a worker warmly; how long it took until nothing of it was left, in seconds."""
        family = family_of(worker.pid)
        started = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
        assert not any(lives(each) for each in family)
        return time.monotonic() - started

    def kill_worker(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker's main process and nothing else: the kernel has to end the rest of it."""
        family = family_of(worker.pid)
        worker.kill()
        worker.wait()
        wait_until(lambda: not any(lives(each) for each in family), 10)

    def submit(self, kind: str, **fields: Any) -> Job:
        """What the dashboard does: insert, commit, publish."""
        job = submission.submit(self.settings, parse_spec(kind, fields))
        try_publish(self.settings, job)
        return job

    def job(self, job_id: int) -> Job:
        with database.open_session(self.settings, reads_only=True) as session:
            return jobs.get(session, job_id)

    def wait(self, job: Job, until: Callable[[Job], bool] = lambda job: job.is_terminal, seconds: float = 90) -> Job:
        """Wait until a job is as it should be, and return it."""
        try:
            wait_until(lambda: until(self.job(job.id)), seconds)
        except TimeoutError:
            raise TimeoutError(f"{self.job(job.id)}\n{self.log(job.id)}") from None
        return self.job(job.id)

    def succeed(self, kind: str, **fields: Any) -> Job:
        """Run a job that has to succeed."""
        job = self.wait(self.submit(kind, **fields))
        assert job.state == catalog.SUCCEEDED, f"{job.error}\n{self.log(job.id)}"
        return job

    def log(self, job_id: int) -> str:
        return read_tail(storage.log_path(self.settings, job_id, self.job(job_id).fence))

    def attempts(self, job: Job) -> list[str | None]:
        """The outcomes of a job's attempts."""
        with database.open_session(self.settings, reads_only=True) as session:
            return [attempt.outcome for attempt in jobs.list_attempts(session, job.id)]

    def child(self, job: Job) -> psutil.Process:
        """The process of a running job's attempt, which may be about to be started; assistants do not count."""
        wait_until(lambda: bool(self.children(job)), 60)
        found = [each for each in self.children(job) if "--assist" not in command_of(each)]
        forked = [each for each in found if _parent_id(each) in {each.pid for each in found}]  # until it runs another
        (child,) = [each for each in found if each not in forked]
        return child

    def children(self, job: Job) -> list[psutil.Process]:
        """All processes that work on a job."""
        return [each for each in self.processes() if command_of(each)[3:5] == ["worker.execution.child", str(job.id)]]

    def processes(self) -> list[psutil.Process]:
        """The workers and everything that they started and that still lives, whoever its parent is now."""
        home, broker = str(self.settings.home), self.broker.pid if self.broker else None
        found = [each for each in psutil.process_iter() if lives(each) and each.pid != broker]
        return [each for each in found if _environment(each).get("DEEPLAB_HOME") == home]

    def _start(
        self, name: str, command: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = storage.logs_dir(self.settings) / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            return subprocess.Popen(
                command,
                stdout=file,
                stderr=file,
                env=environment or self.settings.environment(),
                start_new_session=True,
            )


def _parent_id(process: psutil.Process) -> int | None:
    with suppress(psutil.NoSuchProcess):
        return process.ppid()
    return None


def _environment(process: psutil.Process) -> dict[str, str]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return process.environ()
    return {}
