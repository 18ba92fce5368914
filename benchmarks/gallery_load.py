"""What a web server bears when many browsers look at large images: `python -m benchmarks.gallery_load`.

Makes images and masks, serves their gallery as `deeplab web` does, and asks for it as so many browsers do: each for
every image and mask of the page, six at a time, and then for what was refused, one at a time. Prints how requests were
answered, the largest memory of all web processes together, and how long /healthz took meanwhile.
"""

import argparse
import http.client
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.dashboard import served
from deeplab.config import parse_config
from deeplab.images.masks import write_mask
from deeplab.inference.output import mask_path
from worker.jobs import jobs, leases, storage
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.database import open_session, upgrade
from worker.jobs.requests.specs import parse_spec
from worker.jobs.results import parts
from worker.jobs.results.record import ImageResult, item_key
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings, load_settings

_CONNECTIONS = 6  # of a browser to a host
_GALLERY_SIDE = 480  # pixels that a page asks for
_PAUSE_SECONDS = 5  # as Retry-After says
_LONGEST_SECONDS = 600  # until a browser gives up


@dataclass
class Seen:
    """What the browsers, and whoever watches the server, have seen."""

    statuses: Counter[int] = field(default_factory=Counter)
    health_seconds: list[float] = field(default_factory=list)
    largest_rss: int = 0  # bytes, of all web processes together
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> None:
    """Parse the options, make a gallery, and look at it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browsers", type=int, default=100, help="(default: 100)")
    parser.add_argument("--images", type=int, default=20, help="of the gallery (default: 20)")
    parser.add_argument("--side", type=int, default=10_000, help="of an image, pixels (default: 10000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home", requests_per_minute=0)
        upgrade(settings)
        names = make_images(Path(folder) / "images", options.images, options.side)
        job_id = make_job(settings, Path(folder) / "images", names, options.side)
        addresses = [
            f"/jobs/{job_id}/{part}/{item_key(n)}?size={_GALLERY_SIDE}" for n in names for part in ("images", "masks")
        ]
        with served(settings) as server:
            seen = Seen(largest_rss=rss_of(server))
            started, before = time.monotonic(), seen.largest_rss
            with watched(settings, server, seen):
                browse(settings, addresses, options.browsers, seen)
            report(seen, before, time.monotonic() - started)


def make_images(folder: Path, n: int, side: int) -> Sequence[str]:
    """Draw noisy squares, of which every other is a PNG; the others are JPEGs."""
    folder.mkdir()
    tile = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    image = Image.fromarray(np.tile(tile, (side // 500 + 1, side // 500 + 1, 1))[:side, :side])
    names = [f"{number:03d}.{'png' if number % 2 else 'jpg'}" for number in range(n)]
    for name in names[:2]:
        image.save(folder / name, compress_level=1)
    for number, name in enumerate(names[2:]):
        (folder / name).write_bytes((folder / names[number % 2]).read_bytes())
    return names


def make_job(settings: Settings, folder: Path, names: Sequence[str], side: int) -> int:
    """A segment job that has labelled the images."""
    config = parse_config({"DATASET": {"ROOT": "none", "N_CLASSES": 21}}, "benchmark").model_dump(mode="json")
    spec = parse_spec("segment", {"checkpoint": "weights.pth", "input": str(folder)})
    with open_session(settings) as session:
        job = jobs.insert(session, settings, spec, config)
    with open_session(settings) as session:
        claimed = leases.claim(session, job.id, "benchmark", lease_seconds=3600)
    output = storage.output_dir(settings, job.id)
    write_mask(mask_path(output, names[0]), np.indices((side, side)).sum(axis=0).astype(np.uint8) // 13)
    for name in names[1:]:
        mask_path(output, name).hardlink_to(mask_path(output, names[0]))
    part = storage.part_dir(settings, job.id, 1, 1)
    write_part(part, [ImageResult(name, side, side, "ok", "", 1.0, {0: side * side}) for name in names])
    with open_session(settings) as session:
        parts.add(session, job.id, part, len(names))
        leases.finish(session, job.id, claimed.fence if claimed else 0, SUCCEEDED, result={"output": str(output)})
    return job.id


def browse(settings: Settings, addresses: Sequence[str], n_browsers: int, seen: Seen) -> None:
    """Ask for all addresses in so many browsers."""
    with ThreadPoolExecutor(n_browsers) as pool:
        for browser in [pool.submit(load_all, settings, addresses, seen) for _ in range(n_browsers)]:
            browser.result()


def load_all(settings: Settings, addresses: Sequence[str], seen: Seen) -> None:
    """Ask for addresses as a browser does, and again for those that were refused as web/static/app.js does."""

    def is_there(address: str) -> bool:
        status = ask(settings, address)
        with seen.lock:
            seen.statuses[status] += 1
        return status == 200

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        missing = [
            address for address, found in zip(addresses, pool.map(is_there, addresses), strict=True) if not found
        ]
    deadline = time.monotonic() + _LONGEST_SECONDS
    for address in missing:
        while not is_there(address) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)


def ask(settings: Settings, address: str) -> int:
    """Ask for an address; the status, or 0 if the connection broke."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", settings.port, timeout=120)) as client:
            client.request("GET", address)
            response = client.getresponse()
            response.read()
            return response.status
    except (OSError, http.client.HTTPException):
        return 0


@contextmanager
def watched(settings: Settings, server: psutil.Process, seen: Seen) -> Iterator[None]:
    """Measure memory and health for the block."""
    done = threading.Event()

    def watch_health() -> None:
        while not done.wait(0.2):
            started = time.monotonic()
            status = ask(settings, "/healthz")
            seen.health_seconds.append(time.monotonic() - started if status == 200 else float("inf"))

    def watch_memory() -> None:
        while not done.wait(0.02):
            seen.largest_rss = max(seen.largest_rss, rss_of(server))

    with ThreadPoolExecutor(2) as pool:
        pool.submit(watch_health)
        pool.submit(watch_memory)
        try:
            yield
        finally:
            done.set()


def rss_of(server: psutil.Process) -> int:
    """Resident memory of the web server's processes, bytes."""
    arbiter = server.parent()
    processes = [server] if arbiter is None else [arbiter, *arbiter.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)


def report(seen: Seen, rss_before: int, seconds: float) -> None:
    """Print what was seen."""
    health = sorted(seen.health_seconds)
    rows = {
        "seconds until every browser had everything": f"{seconds:.0f}",
        "answers by status": ", ".join(f"{n} x {status or 'none'}" for status, n in sorted(seen.statuses.items())),
        "RSS of all web processes before, MB": f"{rss_before / 1e6:.0f}",
        "largest RSS of all web processes, MB": f"{seen.largest_rss / 1e6:.0f}",
        "/healthz: asked, times": f"{len(health)}",
        "/healthz: median, s": f"{statistics.median(health):.3f}",
        "/healthz: 95th percentile, s": f"{health[int(0.95 * (len(health) - 1))]:.3f}",
        "/healthz: slowest, s": f"{health[-1]:.3f}",
    }
    for name, value in rows.items():
        print(f"{name:<46}{value:>24}")


if __name__ == "__main__":
    main()
