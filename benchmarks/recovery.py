"""How soon a job goes on after everything was killed: `python -m benchmarks.recovery`.

In each round `deeplab up` runs a training, is killed with every process of it (SIGKILL) at a random moment, and is
started again. Prints the median and the longest time from that start until a worker has claimed the job, and until the
training reports progress. A claim may take a lease and two passes of the reconciler after the start of `deeplab up`
itself, which is measured as the time until its first worker is registered.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.dashboard import database
from deeplab.datasets.drawn.dataset import draw_dataset
from worker.jobs import jobs, storage, submission, workers
from worker.jobs.database import open_session, upgrade
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings, load_settings
from worker.platform import web_server

_HOST = "127.0.0.1"
_PATIENCE = 600  # seconds
_KEYS = "SOLVER.ITER_MAX=1000000\nSOLVER.ITER_SAVE=5\nSOLVER.BATCH_SIZE.TRAIN=2"


@dataclass(frozen=True)
class Round:
    """When things were so, in seconds after the start of `deeplab up`."""

    registered: float  # its workers
    claimed: float  # the job
    progressed: float  # the training


def main() -> None:
    """Parse the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--lease", type=float, default=8, help="DEEPLAB_LEASE_SECONDS (default: 8)")
    parser.add_argument(
        "--pass", type=float, default=2, dest="reconcile", help="DEEPLAB_RECONCILE_SECONDS (default: 2)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL server in place of SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as text, database(Path(text), options.postgresql) as url:
        root = Path(text)
        settings = load_settings(
            home=root / "home",
            database_url=url,
            lease_seconds=options.lease,
            reconcile_seconds=options.reconcile,
            port=web_server.free_port(_HOST),
        )
        upgrade(settings)
        job = submit(settings, root / "drawn")
        rounds = measure(settings, job, options.rounds, random.Random(options.seed))  # noqa: S311  (no secret)
    print(f"{'':<16}{'median s':>10}{'worst s':>10}")
    for name, seconds in (
        ("registered", [each.registered for each in rounds]),
        ("claimed", [each.claimed for each in rounds]),
        ("claimed after", [max(0.0, each.claimed - each.registered) for each in rounds]),
        ("progress", [each.progressed for each in rounds]),
    ):
        print(f"{name:<16}{statistics.median(seconds):>10.1f}{max(seconds):>10.1f}")
    print(f"A lease and two passes: {options.lease + 2 * options.reconcile:g} s.")


def submit(settings: Settings, folder: Path) -> Job:
    """Submit a training that does not end."""
    draw_dataset(folder, n_train=20, n_val=2, n_unlabelled=0, size=32)
    spec = parse_spec("train", {"config": str(folder / "config.yaml"), "overrides": _KEYS})
    return submission.submit(settings, spec)


def measure(settings: Settings, job: Job, n_rounds: int, rng: random.Random) -> Sequence[Round]:
    """Kill everything so many times, and watch how it goes on."""
    rounds: list[Round] = []
    process = start(settings)
    try:
        await_attempt(settings, job)
        for _ in range(n_rounds):
            time.sleep(rng.uniform(0, 5))
            kill_all(process)
            fence, worker_id = read(settings, job).fence, last_worker(settings)
            process = start(settings)
            started = time.monotonic()
            await_(lambda before=worker_id: last_worker(settings) > before)  # type: ignore[misc]
            registered = time.monotonic() - started
            await_(lambda before=fence: read(settings, job).fence > before)  # type: ignore[misc]
            claimed = time.monotonic() - started
            await_attempt(settings, job)
            rounds.append(Round(registered, claimed, time.monotonic() - started))
            print(rounds[-1], file=sys.stderr, flush=True)
    finally:
        kill_all(process)
    return rounds


def start(settings: Settings) -> psutil.Popen:
    """Start `deeplab up`."""
    command = [sys.executable, "-P", "-m", "worker.cli", "up"]
    environment = settings.environment()
    return psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_all(process: psutil.Popen) -> None:
    """Kill a process and all its descendants at once, and wait until none is left."""
    family = [*process.children(recursive=True), process]
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(family)


def await_(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {_PATIENCE} s")
        time.sleep(0.05)


def await_attempt(settings: Settings, job: Job) -> None:
    """Wait until the latest attempt at a job reports progress."""

    def reports() -> bool:
        now = read(settings, job)
        return now.fence > 0 and storage.alive_in(storage.attempt_dir(settings, job.id, now.fence)).exists()

    await_(reports)


def read(settings: Settings, job: Job) -> Job:
    """The job as it is now."""
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job.id)


def last_worker(settings: Settings) -> int:
    """The newest id of a worker."""
    with open_session(settings, reads_only=True) as session:
        return max((each.id for each in workers.list_workers(session)), default=0)


if __name__ == "__main__":
    main()
