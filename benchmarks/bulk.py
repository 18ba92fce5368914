"""A segment job of very many images, watched from outside: `python -m benchmarks.bulk --tiny 20000 --jpegs 500`.

Starts a platform in a temporary folder and submits the job over HTTP. Prints how long the submission took, how long
after it the first images were done, what pages take meanwhile, the peak of the memory of each kind of process, and what
an image takes all told, beside what it takes the core alone on a sample: of the clock, and of the CPU, which other
processes on the machine disturb less. With `--submissions N` it submits so many jobs
by eight clients at once in place of that, and counts them afterwards.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import psutil

from benchmarks.bulk_input import make_images, make_model
from benchmarks.dashboard import database
from deeplab.config import load_config
from deeplab.images.listing import list_images
from deeplab.inference.folder import segment_items
from deeplab.inference.output import prepare_output
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import SilentReporter
from worker.jobs import storage
from worker.jobs.catalog import TERMINAL
from worker.jobs.settings import Settings, load_settings
from worker.platform import web_server
from worker.platform.up import Platform

_CLIENTS = 8
_SAMPLE = 1000  # images that the core segments alone
_HOST = "127.0.0.1"


def main() -> None:
    """Parse the options, make the input, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", type=int, default=20_000, help="images of 16 by 16 pixels (default: 20,000)")
    parser.add_argument("--jpegs", type=int, default=500, help="JPEGs of 500 by 375 pixels (default: 500)")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--submissions", type=int, default=0, help="measure so many submissions in place of a job")
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL server in place of SQLite")
    parser.add_argument("--folder", type=Path, help="where to make it all (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as text, database(Path(text), options.postgresql) as url:
        root = Path(text)
        (root / "data").mkdir()
        request = make_request(root, options.tiny, options.jpegs, options.batch_size)
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as a job's process has it; read where torch is loaded anew
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            core = pool.submit(segment_sample, root, options.batch_size).result()
        settings = load_settings(
            home=root / "home",
            database_url=url,
            broker_url="",
            data_roots=(root / "data",),
            auth="auto",
            host=_HOST,
            port=web_server.free_port(_HOST),
        )
        with Platform(settings, command="benchmark", say=print), open_client(settings) as client:
            if options.submissions:
                submit_many(client, request, options.submissions)
            else:
                watch(client, request, options.tiny + options.jpegs, core)


def make_request(root: Path, n_tiny: int, n_jpegs: int, batch_size: int) -> dict[str, object]:
    """The request for the job, and all that it names."""
    started = time.monotonic()
    make_images(root / "data" / "images", n_tiny, n_jpegs)
    config, weights = make_model(root / "data")
    print(f"Made {n_tiny + n_jpegs:,} images in {time.monotonic() - started:.0f} s.", flush=True)
    paths = {"config": str(config), "checkpoint": str(weights), "input": str(root / "data" / "images")}
    return {"kind": "segment", **paths, "device": "cpu", "batch_size": batch_size}


@dataclass(frozen=True)
class Cost:
    """What an image takes, in milliseconds."""

    clock: float
    cpu: float  # of all cores, in user and system mode

    @classmethod
    def per_image(cls, seconds: float, cpu_seconds: float, n_images: int) -> Self:
        """Share out what several images took."""
        return cls(1000 * seconds / n_images, 1000 * cpu_seconds / n_images)

    def __str__(self) -> str:
        return f"{self.clock:.2f} ms ({self.cpu:.2f} ms of CPU)"


def segment_sample(root: Path, batch_size: int) -> Cost:
    """What an image takes the core alone, on some that are spread over all."""
    images, output = root / "data" / "images", root / "sample"
    listed = list_images(images)
    sample = listed[:: max(1, len(listed) // _SAMPLE)]
    segmenter = Segmenter.from_checkpoint(load_config(root / "data/config.yaml"), root / "data/weights.pth", "cpu")
    prepare_output(output, images, segmenter.settings(), segmenter.class_names)
    started = time.process_time()
    summary = segment_items(
        segmenter, images, output, sample, output / "manifest.csv", SilentReporter(), batch_size=batch_size
    )
    return Cost.per_image(summary.seconds, time.process_time() - started, len(sample))


def open_client(settings: Settings) -> httpx.Client:
    """A client of the platform that is signed in."""
    token = storage.token_path(settings).read_text("ascii")
    address = web_server.address(settings)
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=120)


def watch(client: httpx.Client, request: dict[str, object], n_images: int, core: Cost) -> None:
    """Submit the job, and watch it to its end."""
    memory = MemoryWatch()
    memory.start()
    started = time.monotonic()
    job_id = submit(client, request)
    print(f"Submitted in {time.monotonic() - started:.2f} s.", flush=True)
    pages = Pages(client, job_id)
    state, first, start_cpu = "queued", 0.0, 0.0
    while state not in TERMINAL:
        time.sleep(0.5)
        job = client.get(f"/api/v1/jobs/{job_id}").json()
        state = job["state"]
        if job["done"] and not first:
            first, start_cpu = time.monotonic() - started, memory.child_cpu
            print(f"First images done {first:.1f} s after that.", flush=True)
        pages.ask(job["done"])
    seconds = time.monotonic() - started
    memory.stop()
    print(f"{state} after {seconds:.0f} s: {job['result'] or job['error']}")
    cost = Cost.per_image(seconds - first, memory.child_cpu - start_cpu, n_images)
    print(f"An image took {cost}, the core alone {core}.")
    pages.tell()
    memory.tell()


def submit(client: httpx.Client, request: dict[str, object]) -> int:
    """Submit a job over HTTP; its number."""
    response = client.post("/api/v1/jobs", json=request)
    response.raise_for_status()
    return int(response.json()["id"])


@dataclass
class Pages:
    """Pages of the job that are asked for while it runs, every ten seconds."""

    client: httpx.Client
    job_id: int
    asked_at: float = 0.0
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def ask(self, done: int) -> None:
        """Ask for each, if it is time."""
        if not done or time.monotonic() < self.asked_at + 10:
            return
        self.asked_at = time.monotonic()
        job, results = f"/jobs/{self.job_id}", f"/jobs/{self.job_id}/results"
        for page in (job, results, f"{results}?only=errors", f"/api/v1{job}/items?limit=100", "/jobs"):
            started = time.perf_counter()
            self.client.get(page).raise_for_status()
            self.milliseconds[page].append(1000 * (time.perf_counter() - started))

    def tell(self) -> None:
        """Print what they took: in the middle, and at most."""
        for page, times in self.milliseconds.items():
            print(
                f"{page:<40}{statistics.median(times):>8.0f} ms, at most {max(times):.0f} ms, asked {len(times)} times"
            )


class MemoryWatch(threading.Thread):
    """Looks at the memory of all processes of the platform, several times a second, and at the CPU of the child."""

    _KINDS = (
        ("worker.execution.child", "child"),
        ("fork_server", "forks"),
        ("gunicorn", "web"),
        ("valkey", "broker"),
        ("postgres", "database"),
    )

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._ended = threading.Event()
        self._peaks: dict[str, tuple[int, int]] = {}
        self.child_cpu = 0.0  # seconds until now

    def run(self) -> None:
        """Look until told to stop."""
        while not self._ended.wait(0.3):
            for process in psutil.Process(os.getpid()).children(recursive=True):
                try:
                    command, used = " ".join(process.cmdline()), process.memory_full_info()
                    times = process.cpu_times()
                except psutil.Error:  # it has ended
                    continue
                kind = next((kind for text, kind in self._KINDS if text in command), "worker")
                if kind == "child":
                    self.child_cpu = times.user + times.system
                resident, own = self._peaks.get(kind, (0, 0))
                self._peaks[kind] = max(resident, used.rss), max(own, used.uss)

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()

    def tell(self) -> None:
        """Print the peak of each kind of process, and of what it shares with no other: libraries are shared."""
        for kind, (resident, own) in self._peaks.items():
            print(f"{kind:<10}{resident / 1e6:>6.0f} MB at most, {own / 1e6:.0f} MB of its own")


def submit_many(client: httpx.Client, request: dict[str, object], n_jobs: int) -> None:
    """Let some clients submit jobs at the same time; each job must be there once afterwards."""

    def submit_one(number: int) -> tuple[int, float]:
        started = time.perf_counter()
        job_id = submit(client, {**request, "name": f"submission {number}"})
        return job_id, 1000 * (time.perf_counter() - started)

    started = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        answers = list(pool.map(submit_one, range(n_jobs)))
    seconds = time.monotonic() - started
    names = Counter(list_names(client, [job_id for job_id, _ in answers]))
    lost = n_jobs - len(names)
    twice = sum(count - 1 for count in names.values())
    times = sorted(milliseconds for _, milliseconds in answers)
    print(f"{n_jobs:,} submissions by {_CLIENTS} clients in {seconds:.0f} s: {lost} lost, {twice} twice")
    print(f"p50 {times[len(times) // 2]:.0f} ms, p95 {times[int(0.95 * len(times))]:.0f} ms, max {times[-1]:.0f} ms")


def list_names(client: httpx.Client, ids: Sequence[int]) -> list[str]:
    """The names of all jobs of the platform."""
    names: list[str] = []
    before = max(ids) + 1_000_000
    while page := client.get("/api/v1/jobs", params={"limit": 100, "before": before}).json()["jobs"]:
        names += [job["name"] for job in page]
        before = min(job["id"] for job in page)
    return names


if __name__ == "__main__":
    main()
