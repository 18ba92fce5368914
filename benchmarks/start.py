"""How long people wait for things to begin: `python -m benchmarks.start`.

Starts the platform as `deeplab up` does and submits small segment jobs with a tiny network on the CPU, each when the
one before has ended and a moment has passed. Prints the seconds from a submission until the process of the attempt
runs, until the first mask is there, and until the job has ended; what that process has computed until its first mask,
and its memory. It does so with fresh interpreters (DEEPLAB_PRELOAD=false), and with children that are forked from a
process that has PyTorch loaded. Then come the seconds of computing that the command line takes until it shows its
help, and how soon the first page comes after `deeplab up`. Seconds of computing depend less than others on what else
the machine does.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from benchmarks.bulk_input import make_images, make_model
from worker.jobs import jobs, storage, submission
from worker.jobs.broker.queue import try_publish
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings, load_settings
from worker.platform import web_server
from worker.platform.up import Platform

_HOST = "127.0.0.1"
_HELP = (("--help",), ("job", "submit", "--help"), ("job", "submit", "segment", "--help"))
_SETTLED = 5.0  # seconds after a job, in which a fork server loads what is left
_PAUSE = 1.0  # between two jobs


def main() -> None:
    """Parse the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="jobs, commands, starts (default: 5)")
    parser.add_argument("--images", type=int, default=12, metavar="N", help="of a job, 500x375 (default: 12)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {os.getloadavg()[0]:.1f} processes busy\n")
    with tempfile.TemporaryDirectory() as text:
        root = Path(text)
        make_images(root / "images", 0, options.images)
        config, weights = make_model(root)
        spec = {"config": config, "checkpoint": weights, "input": root / "images", "device": "cpu"}
        request = {name: str(value) for name, value in spec.items()}
        for preload in (False, True):
            settings = make_settings(root / f"home-{preload}", preload=preload)
            print("forked from a process that has PyTorch loaded" if preload else "fresh interpreters")
            with Platform(settings, web=False, command="benchmark", say=print):
                time_job(settings, request)  # the first, after which what there is to load is loaded
                time.sleep(_SETTLED)
                tell([time_job(settings, request) for _ in range(options.rounds)])
        print()
        for words in _HELP:
            seconds = [time_command(words) for _ in range(options.rounds)]
            print(f"{'deeplab ' + ' '.join(words):<36}{statistics.median(seconds):>6.2f} s of computing")
        pages = [time_page(root / f"home-{number}") for number in range(options.rounds)]
        print(f"{'deeplab up, until the first page':<36}{statistics.median(pages):>6.2f} s")


def make_settings(home: Path, *, preload: bool = True) -> Settings:
    """The settings of a platform of its own."""
    return load_settings(home=home, preload=preload, host=_HOST, port=web_server.free_port(_HOST))


def time_job(settings: Settings, request: dict[str, str]) -> dict[str, float]:
    """Run a job; when what was so, in seconds after its submission, and megabytes of the process's memory."""
    time.sleep(_PAUSE)
    started = time.monotonic()
    job = submission.submit(settings, parse_spec("segment", request))
    try_publish(settings, job)
    masks = storage.output_dir(settings, job.id) / "masks"
    found: dict[str, float] = {"submitted": time.monotonic() - started}
    while not (now := _find(settings, job)).is_terminal or "first mask" not in found:
        seconds = time.monotonic() - started
        has_mask = any(masks.rglob("[!.]*.png"))
        if child := next(_children(job), None):
            found.setdefault("process runs", seconds)
            with suppress(psutil.Error):
                if "first mask" not in found:
                    found["computed"] = sum(child.cpu_times()[:2])
                memory = child.memory_full_info()
                found |= {"RSS": memory.rss / 1e6, "PSS": memory.pss / 1e6, "USS": memory.uss / 1e6}
        if has_mask:
            found.setdefault("first mask", seconds)
        if now.is_terminal and now.state != "succeeded":
            raise SystemExit(f"Job {job.id} {now.state}: {now.error}")
        time.sleep(0.01)
    return found | {"ended": time.monotonic() - started}


def _find(settings: Settings, job: Job) -> Job:
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job.id)


def _children(job: Job) -> Iterator[psutil.Process]:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[3:5] == ["worker.execution.child", str(job.id)]:
                yield process


def tell(rounds: list[dict[str, float]]) -> None:
    """Print medians and worst values."""
    values: dict[str, list[float]] = defaultdict(list)
    for each in rounds:
        for name, value in each.items():
            values[name].append(value)
    for name in ("submitted", "process runs", "first mask", "ended", "computed"):
        print(f"  {name:<14}{statistics.median(values[name]):>8.2f} s, at most {max(values[name]):.2f} s")
    print("  memory        " + ", ".join(f"{name} {max(values[name]):.0f} MB" for name in ("RSS", "PSS", "USS")))


def time_command(words: tuple[str, ...]) -> float:
    """Seconds of computing of a command of `deeplab`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "worker.cli", *words], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def time_page(home: Path) -> float:
    """Seconds from `deeplab up` in a new home until the dashboard answers."""
    settings = make_settings(home)
    started = time.monotonic()
    with (home.parent / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "up"], env=settings.environment(), stdout=log, stderr=log
        )
    try:
        while True:
            with suppress(httpx.TransportError):
                httpx.get(web_server.address(settings))
                return time.monotonic() - started
            time.sleep(0.02)
    finally:
        up.terminate()
        up.wait()


if __name__ == "__main__":
    main()
