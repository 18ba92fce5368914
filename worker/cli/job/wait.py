"""Wait for a job to end, with progress, and with workers of our own if no platform is running."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, assert_never

import click

from deeplab.crf.grid import as_overrides
from deeplab.errors import DeepLabError
from deeplab.formats import duration, images_and_videos, percent, plural
from deeplab.images.kinds import describe_passed_over
from worker.cli.job.progress import JobProgress
from worker.cli.output import print_json
from worker.client.jobs import Jobs
from worker.jobs.broker.queue import try_publish
from worker.jobs.catalog import FAILED, SUCCEEDED
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings
from worker.platform.home_lock import HomeLockedError, platform_at
from worker.platform.up import Platform, stop_signals_interrupt

_POLL_SECONDS = 0.5


class JobFailedError(DeepLabError):
    """A job that was waited for did not succeed."""

    def __init__(self, job: Job) -> None:
        ended = "failed" if job.state == FAILED else f"was {job.state}"
        super().__init__(f"Job {job.id} {ended}{f': {job.error}' if job.error else '.'}")


def wait_for(jobs: Jobs, settings: Settings, job: Job, *, as_json: bool) -> None:
    """Wait until a job has ended, and print its result.

    Raises:
        JobFailedError: if it did not succeed.
    """
    try:
        with stop_signals_interrupt():
            ended = _follow(jobs, settings, job)
    except KeyboardInterrupt:
        click.echo(f"Job {job.id} was not cancelled. To cancel it, run: deeplab job cancel {job.id}", err=True)
        raise SystemExit(130) from None
    if as_json:
        print_json(ended)
    if ended.state != SUCCEEDED:
        raise JobFailedError(ended)
    if not as_json:
        click.echo(describe_result(jobs, ended))


def _follow(jobs: Jobs, settings: Settings, job: Job) -> Job:
    with ExitStack() as stack:
        platform = _platform_of_our_own(settings, job, stack)
        if not settings.url and (notice := try_publish(settings, job)):
            _say(notice)
        progress = stack.enter_context(JobProgress())
        has_said = False
        while not job.is_terminal:
            progress.show(job)
            time.sleep(_POLL_SECONDS)
            if platform is None:  # the one that ran until now may have been stopped
                platform = _platform_of_our_own(settings, job, stack)
            else:
                platform.restart_dead()
            job = whole = jobs.show(job.id)
            if whole.obstacle is not None and whole.remedy is None and not has_said:  # workers may be starting
                _say(f"Job {job.id} waits. {whole.obstacle}")
                has_said = True
        progress.show(job)
    return job


def _platform_of_our_own(settings: Settings, job: Job, stack: ExitStack) -> Platform | None:
    """Workers in this process's care, if this home needs some; they are stopped at the end of the stack."""
    if settings.url or not settings.embedded_broker or platform_at(settings) is not None:
        return None
    command = "deeplab job submit --wait"
    try:
        platform = stack.enter_context(Platform(settings, web=False, command=command, say=_say))
    except HomeLockedError:  # somebody else was faster
        return None
    _say(f"No platform is running in {settings.home}, so this command runs the workers until job {job.id} ends.")
    return platform


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def describe_result(jobs: Jobs, job: Job) -> str:
    """Say what came of a job that has succeeded, in one sentence."""
    result = job.result or {}
    took = duration((job.finished_at or 0) - (job.started_at or 0))
    sentence = f"Job {job.id} succeeded in {took}: "
    match job.kind:
        case "train":
            checkpoint = jobs.show_checkpoint(result["checkpoint"])
            final = f"checkpoint {checkpoint.id} at iteration {checkpoint.iteration}, {checkpoint.path}"
            return sentence + final + _best(result)
        case "segment":
            failed = f", {result['n_error']} failed" if result["n_error"] else ""
            others = f"; {passed_over}" if (passed_over := describe_passed_over(result.get("passed_over", {}))) else ""
            found = images_and_videos(result["n_ok"], result.get("n_videos", 0), result.get("n_frames", 0))
            return sentence + f"{found} segmented{failed}, in {result['output']}{others}"
        case "crf" if "best" in result:
            options = " ".join(f"--set {override}" for override in as_overrides(result["best"]))
            return sentence + f"best mean IoU {percent(result['mean_iou'])} with {options}"
        case "evaluate" | "crf":
            return sentence + f"mean IoU {percent(result['mean_iou'])}"
        case "register":
            return sentence + f"checkpoint {result['checkpoint']}"
        case "onnx":
            return sentence + f"{result['file']}, which says the same as the model"
        case "try":
            return sentence + f"{result['mask']}"
        case "check":
            found = f"{plural(result['n_problems'], 'problem')} and {plural(result['n_warnings'], 'warning')}"
            return f"{sentence}{found} in {plural(result['n_images'], 'image')}, in {result['report']}"
        case "import":
            images = plural(result["n_images"], "image")
            return f"{sentence}{images} registered as {result['dataset']}, in {result['root']}"
    assert_never(job.kind)


def _best(result: Mapping[str, Any]) -> str:
    number = result.get("best_checkpoint")
    return "" if number is None else f"; best is checkpoint {number}, mean IoU {percent(result['mean_iou'])}"
