"""A job in a few words."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from deeplab.crf.grid import as_text
from deeplab.formats import duration
from deeplab.inference.manifest import Row
from web.text.formats import number, percent, plural
from worker.jobs.jobs import RUNNING, SUCCEEDED, Job
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.specs import SPECS


def kind_title(kind: str) -> str:
    """A kind of job as a heading has it."""
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
        case _:
            return f"{PurePath(job.spec['input']).name} with {checkpoint_name(job)}"


def progress(job: Job) -> str:
    """How far a job is that is not over: "480 of 1 200 iterations · 2 min 31 s left"."""
    if not job.total:
        return "starting" if job.state == RUNNING else "waiting for a worker"
    done = f"{number(job.done)} of {plural(job.total, job.unit)}"
    if job.state != RUNNING or job.eta_seconds is None:
        return done
    return f"{done} · {duration(job.eta_seconds)} left"


def outcome(job: Job) -> str:
    """What came of a job that is over; empty if it is not."""
    result = job.result or {}
    if job.state != SUCCEEDED:
        return job.error or ("cancelled" if job.is_terminal else "")
    match job.kind:
        case "train":
            return _trained(result)
        case "crf" if "best" in result:
            best = ", ".join(f"{name}={as_text(value)}" for name, value in result["best"].items())
            return f"best mean IoU {percent(result.get('mean_iou'))} with {best}"
        case "evaluate" | "crf":
            return f"mean IoU {percent(result.get('mean_iou'))}"
        case _:
            n_ok, n_error = result.get("n_ok", 0), result.get("n_error", 0)
            return f"{plural(n_ok, 'image')} segmented" + (f", {number(n_error)} failed" if n_error else "")


def dataset_name(job: Job) -> str:
    """The dataset of a job: as it is registered, else its folder, else its layout."""
    dataset = job.config["DATASET"]
    return str(job.spec.get("dataset") or PurePath(dataset["ROOT"] or "").name or dataset["NAME"])


def evaluated_on(evaluation: Evaluation) -> str:
    """The dataset and split of an evaluation. A dataset that is not registered is known by its folder."""
    return f"{PurePath(evaluation.dataset).name}, {evaluation.split}"


def checkpoint_name(job: Job) -> str:
    """The checkpoint that a job was given: its number, or the name of its file."""
    checkpoint = str(job.spec["checkpoint"])
    return f"checkpoint {checkpoint}" if checkpoint.isdecimal() else PurePath(checkpoint).name


def model_name(config: Mapping[str, Any]) -> str:
    """The network of a configuration."""
    return str(config["MODEL"]["NAME"])


def parameter_title(job: Job, name: str) -> str:
    """A field of a job's request as the form calls it."""
    field = SPECS[job.kind].model_fields.get(name)
    return (field.title if field else None) or name


def error_text(row: Row, job: Job) -> str:
    """What is wrong with an image, without the folder that all images of the job have in common."""
    return row.error.replace(f"{job.spec['input']}/", "")


def _trained(result: Mapping[str, Any]) -> str:
    last = f"checkpoint {result.get('checkpoint')} after {number(result.get('iteration', 0))} iterations"
    best = result.get("best_checkpoint")
    return last if best is None else f"best mean IoU {percent(result['mean_iou'])} with checkpoint {best}; last {last}"
