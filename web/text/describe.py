"""A job in a few words."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, assert_never

from deeplab.crf.grid import as_text
from deeplab.formats import duration, images_and_videos
from deeplab.inference.inputs import folder_of
from web.text.formats import number, percent, plural
from worker.jobs.catalog import RUNNING, SUCCEEDED
from worker.jobs.jobs import Job
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.requests.specs import SPECS


def kind_title(kind: str) -> str:
    """A kind of job as a heading: "Train", "CRF"."""
    return "CRF" if kind == "crf" else kind.capitalize()


def subject(job: Job) -> str:
    """What a job works on: a dataset, a checkpoint, a job or a folder."""
    match job.kind:
        case "train":
            return f"on {dataset_name(job)}"
        case "evaluate":
            return f"{checkpoint_name(job)} on {dataset_name(job)}"
        case "crf":
            return (
                "grid search " if job.spec.get("grid") else ""
            ) + f"on job {job.spec['evaluate_job']}, {dataset_name(job)}"
        case "segment":
            return f"{PurePath(job.spec['input']).name} with {checkpoint_name(job)}"
    assert_never(job.kind)


def conditions(evaluation: Evaluation) -> list[str]:
    """What an evaluation did beside running the model once on each image, in a word or two each."""
    looked = evaluation.settings.get("inference", {})
    scales = looked.get("SCALES", [1])
    said = [
        f"slide {looked.get('WINDOW')}" if looked.get("MODE") == "slide" else "",
        "scales " + ", ".join(f"{scale:g}" for scale in scales) if scales != [1] else "",
        "flip" if looked.get("FLIP") else "",
        "CRF" if "crf" in evaluation.settings else "",
    ]
    return [each for each in said if each]


def progress(job: Job) -> str:
    """How far a queued or running job is: "480 of 1 200 iterations · 2 min 31 s left"."""
    if not job.total:
        awaited = "a worker" if job.gpus == 1 else f"{job.gpus} GPUs"
        return "starting" if job.state == RUNNING else f"waiting for {awaited}"
    done = f"{number(job.done)} of {plural(job.total, job.unit)}"
    if job.state != RUNNING or job.eta_seconds is None:
        return done
    return f"{done} · {duration(job.eta_seconds)} left"


def outcome(job: Job) -> str:
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
            n_ok, n_error = result.get("n_ok", 0), result.get("n_error", 0)
            n_others = sum(result.get("passed_over", {}).values())
            failed = f", {number(n_error)} failed" if n_error else ""
            found = images_and_videos(n_ok, result.get("n_videos", 0), result.get("n_frames", 0), plural)
            return f"{found} segmented{failed}" + (f", {number(n_others)} passed over" if n_others else "")
    assert_never(job.kind)


def dataset_name(job: Job) -> str:
    """The dataset of a job: its name if it is registered, else its folder, else its layout."""
    dataset = job.config["DATASET"]
    return str(job.spec.get("dataset") or PurePath(dataset["ROOT"] or "").name or dataset["NAME"])


def evaluated_on(evaluation: Evaluation) -> str:
    """The dataset and split of an evaluation. An unregistered dataset goes by its folder."""
    return f"{PurePath(evaluation.dataset).name}, {evaluation.split}"


def checkpoint_name(job: Job) -> str:
    """The checkpoint that a job uses: its id, or the name of its file."""
    ref = CheckpointRef.parse(job.spec["checkpoint"])
    return str(ref) if ref.id is not None else PurePath(ref.text).name


def model_name(config: Mapping[str, Any]) -> str:
    """The model of a configuration."""
    return str(config["MODEL"]["NAME"])


def parameter_title(job: Job, name: str) -> str:
    """The title of a field of a job's request, as in the form."""
    field = SPECS[job.kind].model_fields.get(name)
    return (field.title if field else None) or name


def error_text(error: str, job: Job) -> str:
    """Why an image or video of a segment job failed, without the folder that all of the job share."""
    return error.replace(f"{folder_of(Path(job.spec['input']))}/", "")


def _trained(result: Mapping[str, Any]) -> str:
    last = f"checkpoint {result.get('checkpoint')} after {number(result.get('iteration', 0))} iterations"
    best = result.get("best_checkpoint")
    return last if best is None else f"best mean IoU {percent(result['mean_iou'])} with checkpoint {best}; last {last}"
