"""A job in a few words."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, assert_never

from deeplab.crf.grid import as_text
from deeplab.formats import duration, images_and_videos
from deeplab.inference.inputs import folder_of
from web.text.formats import number, percent, plural, size
from worker.jobs.catalog import RUNNING, SUCCEEDED
from worker.jobs.jobs import JobSummary
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.evaluations import EvaluationLine
from worker.jobs.records.scores import describe_conditions
from worker.jobs.requests.specs import SCHEDULING, SPECS
from worker.jobs.watching.waiting import Obstacle, Place

_TITLES = {"crf": "CRF", "onnx": "ONNX"}


def kind_title(kind: str) -> str:
    """A kind of job as a heading: "Train", "CRF"."""
    return _TITLES.get(kind, kind.capitalize())


def subject(job: JobSummary) -> str:
    """What a job works on: a dataset, a checkpoint, a job or a folder."""
    match job.kind:
        case "train":
            return f"on {_dataset(job)}"
        case "evaluate":
            return f"{checkpoint_name(job)} on {_dataset(job)}"
        case "crf":
            search = "grid search " if job.spec.get("grid") else ""
            return f"{search}on job {job.evaluate_job}, {_dataset(job)}"
        case "segment":
            return f"{PurePath(job.spec['input']).name} with {checkpoint_name(job)}"
        case "register":
            return f"{PurePath(job.spec['file']).name}, {job.model}"
        case "onnx":
            return f"of {checkpoint_name(job)}"
        case "try":
            return f"{PurePath(job.spec['image']).name} with {checkpoint_name(job)}"
        case "check" | "import":
            return f"of {_dataset(job)}"
    assert_never(job.kind)


def conditions(evaluation: EvaluationLine) -> list[str]:
    """What an evaluation did beside running the network once on each image, in a word or two each."""
    return list(describe_conditions(evaluation.settings))


def progress(job: JobSummary, obstacle: Obstacle | None = None) -> str:
    """How far a queued or running job is: "480 of 1 200 iterations · 2 min 31 s left".

    Args:
        job: that has not ended.
        obstacle: what keeps it from being started.
    """
    if job.state == RUNNING and (job.cancel_requested or job.held_at is not None):
        return "stopping; this takes a few seconds"
    if obstacle is not None:
        return f"{obstacle.sentence[:1].lower()}{obstacle.sentence[1:].rstrip('.')}"
    if not job.total:
        awaited = "a worker" if job.gpus == 1 else f"{job.gpus} GPUs"
        return "starting" if job.state == RUNNING else f"waiting for {awaited}"
    done = f"{number(job.done)} of {plural(job.total, job.unit)}"
    if job.state != RUNNING or job.eta_seconds is None:
        return done
    return f"{done} · {duration(job.eta_seconds)} left"


def waiting(job: JobSummary, place: Place | None) -> str:
    """Why a queued job that could run does not: what comes before it, and when a slot may be free."""
    if place is None:
        return progress(job)
    before = f"{plural(place.n_before, 'job')} before it" if place.n_before else "next"
    said = [progress(job), f"{before} in the {job.queue} queue"]
    if place.n_slots and place.n_running >= place.n_slots:
        busy = "its slot is busy" if place.n_slots == 1 else f"all {place.n_slots} slots are busy"
        free = "" if place.free_in is None else f", one may be free in {duration(place.free_in)}"
        said.append(busy + free)
    return " · ".join(said)


def outcome(job: JobSummary) -> str:
    """The result of a job in a few words; empty while it is queued or running."""
    result = job.result or {}
    if job.state != SUCCEEDED:
        return job.error or (job.state if job.is_terminal else "")
    match job.kind:
        case "train":
            return _trained(result)
        case "crf" if "best" in result:
            best = ", ".join(f"{name}={as_text(value)}" for name, value in result["best"].items())
            return f"best mean IoU {percent(result.get('mean_iou'))} with {best}"
        case "evaluate" | "crf":
            return f"mean IoU {percent(result.get('mean_iou'))}"
        case "segment":
            return _segmented(result)
        case "register" | "onnx" | "try":
            return _made_of_checkpoint(job.kind, result)
        case "check":
            return checked(result)
        case "import":
            return f"{plural(result.get('n_images', 0), 'image')} registered as {result.get('dataset')}"
    assert_never(job.kind)


def checked(result: Mapping[str, Any]) -> str:
    """What a check found: "no problems in 120 images, 2 warnings"."""
    n_problems, n_warnings = result.get("n_problems", 0), result.get("n_warnings", 0)
    found = plural(n_problems, "problem") if n_problems else "no problems"
    warned = f", {plural(n_warnings, 'warning')}" if n_warnings else ""
    return f"{found} in {plural(result.get('n_images', 0), 'image')}{warned}"


def dataset_title(dataset: str) -> str:
    """A dataset as people call it: by its name if it is registered, else by its folder, else by its layout."""
    return PurePath(dataset).name or dataset


def evaluated_on(evaluation: EvaluationLine) -> str:
    """The dataset and split of an evaluation. An unregistered dataset goes by its folder."""
    return f"{dataset_title(evaluation.dataset)}, {evaluation.split}"


def checkpoint_name(job: JobSummary) -> str:
    """The checkpoint that a job uses: its id, also with the alias that the request named, or the name of its file."""
    ref = CheckpointRef.parse(job.checkpoint or "")
    if job.alias is not None:
        return f"{ref} ({job.alias})"
    return PurePath(ref.text).name if ref.is_file else str(ref)


def parameters(job: JobSummary) -> dict[str, Any]:
    """What was asked for, by field; but for what says when the job starts, and flips that the configuration decides."""
    return {
        name: value
        for name, value in job.spec.items()
        if value not in (None, [], "") and name not in SCHEDULING and (value or name != "flip")
    }


def parameter_title(job: JobSummary, name: str) -> str:
    """The title of a field of a job's request, as in the form."""
    field = SPECS[job.kind].model_fields.get(name)
    return (field.title if field else None) or name


def error_text(error: str, job: JobSummary) -> str:
    """Why an image or video of a segment job failed, without the folder that all of the job share."""
    return error.replace(f"{folder_of(Path(job.spec['input']))}/", "")


def _trained(result: Mapping[str, Any]) -> str:
    saved = "a checkpoint" if (final := result.get("checkpoint")) is None else f"checkpoint {final}"  # None: deleted
    last = f"{saved} after {number(result.get('iteration', 0))} iterations"
    best = result.get("best_checkpoint")
    return last if best is None else f"best mean IoU {percent(result['mean_iou'])} with checkpoint {best}; last {last}"


def _made_of_checkpoint(kind: str, result: Mapping[str, Any]) -> str:
    if kind == "register":
        return "its checkpoint was deleted" if result["checkpoint"] is None else f"checkpoint {result['checkpoint']}"
    if kind == "onnx":
        return f"{size(result['n_bytes'])}, says the same as the model"
    return f"segmented in {duration(result['seconds'])}"


def _segmented(result: Mapping[str, Any]) -> str:
    n_ok, n_error = result.get("n_ok", 0), result.get("n_error", 0)
    n_others = sum(result.get("passed_over", {}).values())
    n_videos, n_frames = result.get("n_videos", 0), result.get("n_frames", 0)
    failed = f"{number(n_ok)} of {number(n_ok + n_error)} segmented, {number(n_error)} failed"
    segmented = failed if n_error else f"{images_and_videos(n_ok, n_videos, n_frames, plural)} segmented"
    return segmented + (f", {number(n_others)} passed over" if n_others else "")


def _dataset(job: JobSummary) -> str:
    return dataset_title(job.dataset or "")
