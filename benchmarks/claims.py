"""What a claim of a shard costs, however many there are: `python -m benchmarks.claims`.

For each database, number of shards and number of claimants, each claimant is a process that claims shards of one job as
fast as it can. Prints the median and the 95th percentile of a claim, the longest one, claims per second of all, and the
share of the claimant that got the fewest, of an equal one: near 0 it was starved.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.dashboard import database
from worker.jobs import item_lists, shards
from worker.jobs.catalog import RUNNING
from worker.jobs.database import db_now, open_session, upgrade
from worker.jobs.item_lists import Cut
from worker.jobs.settings import Settings, load_settings
from worker.jobs.tables import JobRow

_LEASE_SECONDS = 600.0


@dataclass(frozen=True)
class Claimed:
    """What one claimant did."""

    seconds: Sequence[float]  # each claim took
    began: float
    ended: float


def main() -> None:
    """Parse the options, and measure on both databases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, nargs="+", default=[100, 10_000, 100_000], metavar="N")
    parser.add_argument("--claimants", type=int, nargs="+", default=[1, 4, 16], metavar="N")
    parser.add_argument("--claims", type=int, default=2000, help="of all claimants, at most (default: 2000)")
    options = parser.parse_args()
    print(
        f"{'database':<12}{'shards':>9}{'claimants':>11}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'per s':>8}{'least':>8}"
    )
    for postgresql in (False, True):
        with tempfile.TemporaryDirectory() as folder, database(Path(folder), postgresql) as url:
            settings = load_settings(home=Path(folder) / "home", database_url=url)
            upgrade(settings)
            for n_shards in options.shards:
                for n_claimants in options.claimants:
                    claimed = measure(settings, n_shards, n_claimants, min(options.claims, n_shards))
                    name = "PostgreSQL" if postgresql else "SQLite"
                    print(f"{name:<12}{n_shards:>9}{n_claimants:>11}{figures(claimed)}", flush=True)


def measure(settings: Settings, n_shards: int, n_claimants: int, n_claims: int) -> list[Claimed]:
    """Let some claimants take shards of a new job at the same time."""
    job_id = add_job(settings, n_shards)
    context = multiprocessing.get_context("spawn")
    barrier, left = context.Barrier(n_claimants), context.Value("i", n_claims)
    answers = context.SimpleQueue()
    processes = [
        context.Process(target=take, args=(settings, job_id, number, barrier, left, answers))
        for number in range(n_claimants)
    ]
    for process in processes:
        process.start()
    claimed = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    return claimed


def add_job(settings: Settings, n_shards: int) -> int:
    """A running job, written straight into the tables, of so many shards of one image each."""
    with open_session(settings) as session:
        now = session.scalar(db_now().select())
        job = JobRow(kind="segment", state=RUNNING, queue="gpu", spec={}, config={}, max_attempts=1, created_at=now)
        session.add(job)
        session.flush()
        item_lists.begin(session, job.id)
        item_lists.extend(session, job.id, "1/items/0.jsonl", list(cuts(n_shards)), has_videos=False)
        item_lists.set_passed_over(session, job.id, {}, complete=True)
        return job.id


def cuts(n_shards: int) -> Iterator[Cut]:
    """Shards of one image each."""
    return (Cut(1, 1, 0) for _ in range(n_shards))


def take(settings: Settings, job_id: int, number: int, barrier: Barrier, left, answers) -> None:  # type: ignore[no-untyped-def]
    """Claim and finish shards until all claimants together have had enough."""
    with open_session(settings, reads_only=True) as session:  # connects
        shards.counts(session, job_id)
    seconds: list[float] = []
    barrier.wait()
    began = time.perf_counter()
    while count_down(left):
        started = time.perf_counter()
        with open_session(settings) as session:
            shard = shards.claim(session, job_id, f"claimant {number}", _LEASE_SECONDS)
        seconds.append(time.perf_counter() - started)
        if shard is not None:
            with open_session(settings) as session:
                shards.finish(session, shard, Path("shard.csv"), 1, 0)
    answers.put(Claimed(seconds, began, time.perf_counter()))


def count_down(left) -> bool:  # type: ignore[no-untyped-def]
    """Take one of the claims that are left; whether there was one."""
    with left.get_lock():
        left.value -= 1
        return bool(left.value >= 0)


def figures(claimed: Sequence[Claimed]) -> str:
    """The line of a measurement."""
    times = sorted(1000 * seconds for each in claimed for seconds in each.seconds)
    elapsed = max(each.ended for each in claimed) - min(each.began for each in claimed)
    least = min(len(each.seconds) for each in claimed) * len(claimed) / len(times)
    p95 = times[int(0.95 * (len(times) - 1))]
    return f"{statistics.median(times):>9.2f}{p95:>9.2f}{times[-1]:>9.1f}{len(times) / elapsed:>8.0f}{least:>8.2f}"


if __name__ == "__main__":
    main()
