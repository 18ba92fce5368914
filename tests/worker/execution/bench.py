"""Attempts with real child processes: small scripts in place of `worker.execution.child`."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from deeplab.files import read_tail
from tests.processes import lives, wait_until
from tests.worker.store import submit_and_claim
from worker.execution.starting.starter import Starter
from worker.execution.supervisor import SlotContext, supervise
from worker.jobs import jobs, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

PRELUDE = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

folder = Path(os.environ["DEEPLAB_HOME"], "jobs", sys.argv[1], sys.argv[2])

def leave(state, **more):
    (folder / "outcome.json").write_text(json.dumps({"state": state, **more}))

def write_pid(process):
    (folder / f"pid-{process.pid}").touch()

def sleep(ignore_sigterm=False, **options):
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if ignore_sigterm else ""
    write_pid(subprocess.Popen([sys.executable, "-c", ignore + "import time; time.sleep(60)"], **options))

(folder / f"pid-{os.getpid()}").touch()
"""
STOP_NICELY = """
def stop(*_):
    leave("stopped")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
(folder / "ready").touch()
time.sleep(60)
"""
STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(folder / "ready").touch()
time.sleep(60)
"""


def starter_of(script: Path, *modules: str, forks: bool = True) -> Starter:
    """Start children that run a script, forked from a server that has modules loaded, or as fresh interpreters.

    The kernel kills the server when the thread ends that has called this.
    """
    python, server = (sys.executable, "-P"), Path(__file__).with_name("script_server.py")
    starter = Starter(
        os.environ if forks else None,
        fresh=(*python, str(script)),
        server=(*python, str(server), str(script), ",".join(modules)),
    )
    starter.warm_up()
    return starter


class Bench:
    """A store with a running job, and a script to run for it."""

    def __init__(self, settings: Settings, folder: Path, *, forks: bool = True) -> None:
        self.settings = settings
        self.script = folder / "child.py"
        self.starter = starter_of(self.script, forks=forks)
        self.stopping = False
        with open_session(settings) as session:
            self.job = submit_and_claim(session, settings, "slot", settings.lease_seconds)

    @property
    def slot(self) -> SlotContext:
        return SlotContext("slot", "CPU", {"PART": "7"}, stopping=lambda: self.stopping, starter=self.starter)

    def run(self, script: str) -> Job:
        """Supervise an attempt with this script as its child, and return the job afterwards."""
        self.script.write_text(PRELUDE + script)
        supervise(self.settings, self.job, self.slot)
        assert not self.living()
        return self.now()

    @contextmanager
    def running(self, script: str, target: Callable[[Settings, Job, SlotContext], None] = supervise) -> Iterator[None]:
        """Supervise in the background; the block begins when the child is ready, and the attempt ends with it."""
        self.script.write_text(PRELUDE + script)
        thread = threading.Thread(target=target, args=(self.settings, self.job, self.slot))
        thread.start()
        try:
            wait_until(lambda: bool(list(storage.job_dir(self.settings, self.job.id).glob("**/ready"))), 10)
            yield
        finally:
            thread.join()
        assert not self.living()

    def now(self) -> Job:
        with open_session(self.settings, reads_only=True) as session:
            return jobs.get(session, self.job.id)

    def cancel(self) -> None:
        with open_session(self.settings) as session:
            jobs.cancel(session, self.job.id)

    def attempts(self) -> list[tuple[str | None, str | None]]:
        with open_session(self.settings, reads_only=True) as session:
            return [(each.outcome, each.error) for each in jobs.list_attempts(session, self.job.id)]

    def log(self) -> str:
        return read_tail(storage.log_path(self.settings, self.job.id, self.job.fence))

    def living(self) -> list[psutil.Process]:
        """Processes that the script started, and itself."""
        pids = [int(path.name[4:]) for path in storage.job_dir(self.settings, self.job.id).glob("**/pid-*")]
        return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid) and lives(psutil.Process(pid))]
