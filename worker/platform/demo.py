"""`deeplab demo`: a platform in a temporary folder, used through its JSON API from sample data to masks."""

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import httpx

from deeplab.datasets.drawn.dataset import draw_dataset
from deeplab.errors import DeepLabError
from deeplab.formats import duration, table
from worker.jobs import storage
from worker.jobs.catalog import RUNNING, SUCCEEDED, TERMINAL
from worker.jobs.settings import load_settings
from worker.platform import web_server
from worker.platform.up import Platform, stop_signals_interrupt

GOAL = 0.6  # mean IoU on the held-out split
_HOST = "127.0.0.1"
_LIMIT_SECONDS = 1800  # until a job is given up
_LINE_SECONDS = 5  # between two lines about a running job


class DemoFailedError(DeepLabError):
    """The demo did not reach its goal."""


def run_demo(*, goal: float = GOAL, overrides: Sequence[str] = ()) -> None:
    """Draw sample data, then register it, train, evaluate, refine and segment over HTTP; print a table.

    Args:
        goal: the mean IoU on the held-out split that must be exceeded.
        overrides: configuration keys to change for the training, such as "SOLVER.ITER_MAX=20".

    Raises:
        DemoFailedError: if a job did not succeed, or the model did not learn enough.
    """
    root = Path(tempfile.mkdtemp(prefix="deeplab-demo-"))
    sample, masks = root / "data" / "shapes", root / "data" / "segmented"
    click.echo(f"Drawing sample data in {sample} ...")
    draw_dataset(sample)
    settings = load_settings(
        home=root / "home",
        database_url="",
        broker_url="",
        data_roots=(root / "data",),
        auth="auto",
        host=_HOST,
        port=web_server.free_port(_HOST),
    )
    click.echo(f"Starting a platform in {settings.home} ...")
    with stop_signals_interrupt(), Platform(settings, command="deeplab demo", say=click.echo) as platform:
        click.echo(f"It listens on {web_server.address(settings)}.")
        signed_in = {"Authorization": f"Bearer {storage.token_path(settings).read_text('ascii')}"}
        address = f"{web_server.address(settings)}/api/v1"
        with httpx.Client(base_url=address, headers=signed_in, timeout=30) as http:
            jobs = _run_jobs(_Client(http, platform), sample, masks, overrides)
        click.echo("Stopping the platform ...")
    _print_results(jobs, masks)
    deeplab = "deeplab" if shutil.which("deeplab") else sys.argv[0]
    click.echo(f"To look at these jobs in the dashboard: {deeplab} up --home {settings.home} --data {root / 'data'}")
    _judge(jobs, goal)


@dataclass
class _Client:
    """A client of the JSON API that restarts dead processes of the platform while it waits."""

    http: httpx.Client
    platform: Platform
    _said: dict[int, tuple[str, float]] = field(default_factory=dict)  # by job: the last line and when it was printed

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something and return it."""
        return self._answer(self.http.post(path, json=body))

    def submit(self, kind: str, **request: Any) -> dict[str, Any]:
        """Submit a job."""
        return self.post("/jobs", {"kind": kind, **request})

    def follow(self, *jobs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Wait until some jobs have ended, printing a line now and then, and return the jobs."""
        until = time.monotonic() + _LIMIT_SECONDS
        while time.monotonic() < until:
            self.platform.restart_dead()
            now = [self._answer(self.http.get(f"/jobs/{job['id']}")) for job in jobs]
            for job in now:
                self._tell(job)
            if all(job["state"] in TERMINAL for job in now):
                return now
            time.sleep(0.5)
        ids = ", ".join(str(job["id"]) for job in jobs)
        raise DemoFailedError(f"Not all of the jobs {ids} ended within {duration(_LIMIT_SECONDS)}.")

    def _tell(self, job: Mapping[str, Any]) -> None:
        text, at = self._said.get(job["id"], ("", 0.0))
        now = _progress(job)
        is_due = job["state"] != RUNNING or time.monotonic() - at > _LINE_SECONDS
        if now != text and is_due:
            self._said[job["id"]] = now, time.monotonic()
            click.echo(f"  {job['kind']:<8}  {now}")

    @staticmethod
    def _answer(response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = response.json()
        if response.is_error:
            raise DemoFailedError(f"{response.request.method} {response.url.path}: {body['detail']}")
        return body


def _run_jobs(client: _Client, sample: Path, masks: Path, overrides: Sequence[str]) -> list[dict[str, Any]]:
    """Run the four jobs, up to the first that does not succeed."""
    client.post("/datasets", {"name": sample.name, "root": str(sample)})
    request = {"config": str(sample / "config.yaml"), "dataset": sample.name, "overrides": list(overrides)}
    (train,) = client.follow(client.submit("train", **request))
    if train["state"] != SUCCEEDED:
        return [train]
    checkpoint = str(train["result"]["checkpoint"])
    (evaluate,) = client.follow(client.submit("evaluate", checkpoint=checkpoint))
    if evaluate["state"] != SUCCEEDED:
        return [train, evaluate]
    # These two run at the same time, because they are in different queues.
    crf = client.submit("crf", evaluate_job=evaluate["id"])
    segment = client.submit(
        "segment", checkpoint=checkpoint, input=str(sample / "unlabelled"), output=str(masks), overlays=True
    )
    return [train, evaluate, *client.follow(crf, segment)]


def _progress(job: Mapping[str, Any]) -> str:
    if job["state"] != RUNNING:
        return str(job["state"])
    if not job["total"]:
        return "starting"
    left = "" if job["eta_seconds"] is None else f", {duration(job['eta_seconds'])} left"
    return f"{job['done']} of {job['total']} {job['unit']}s{left}"


def _mean_iou(job: Mapping[str, Any]) -> float | None:
    evaluation = job["evaluation"]
    return None if evaluation is None else float(evaluation["mean_iou"])


def _print_results(jobs: Sequence[Mapping[str, Any]], masks: Path) -> None:
    rows = [
        (
            job["kind"],
            job["state"],
            f"{_seconds(job):.1f}" if job["started_at"] else "",
            "" if (score := _mean_iou(job)) is None else f"{score:.3f}",
        )
        for job in jobs
    ]
    click.echo()
    click.echo(table(("JOB", "STATE", "SECONDS", "MEAN IOU"), rows))
    click.echo()
    if masks.exists():
        click.echo(f"Masks: {masks / 'masks'}")


def _seconds(job: Mapping[str, Any]) -> float:
    started, finished = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (finished - started).total_seconds()


def _judge(jobs: Sequence[Mapping[str, Any]], goal: float) -> None:
    for job in jobs:
        if job["state"] != SUCCEEDED:
            raise DemoFailedError(f"The {job['kind']} job {job['state']}: {job['error']}")
    reached = _mean_iou(jobs[1]) or 0.0
    if reached <= goal:
        raise DemoFailedError(f"The mean IoU on the held-out images is {reached:.3f}; expected more than {goal}.")
