"""What the forms offer to choose from: datasets, checkpoints, evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from web.text.describe import model_name, subject
from web.text.formats import number, percent
from worker.jobs import datasets, jobs
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoints import Checkpoint


@dataclass(frozen=True)
class Option:
    """One choice in a list."""

    value: str
    label: str


@dataclass(frozen=True)
class Options:
    """What each field offers, by its name."""

    lists: Mapping[str, Sequence[Option]]  # a field without a list is a plain input
    suggestions: Mapping[str, Sequence[str]]  # for inputs in which anything may be typed


def load_options(session: Session) -> Options:
    """Read everything that a form may offer to choose from."""
    known = datasets.list_datasets(session)
    saved = [_checkpoint_option(checkpoint) for checkpoint in checkpoints.list_checkpoints(session)]
    return Options(
        lists={
            "dataset": [
                Option("", "From the configuration"),
                *(Option(each.name, f"{each.name} ({each.n_classes} classes)") for each in known),
            ],
            "checkpoint": saved,
            "resume": [Option("", "None: start from scratch"), *saved],
            "evaluate_job": [Option("", "Choose…"), *_evaluate_options(session)],
        },
        suggestions={"split": sorted({split for each in known for split in each.splits})},
    )


def _checkpoint_option(checkpoint: Checkpoint) -> Option:
    score = "" if checkpoint.mean_iou is None else f", mean IoU {percent(checkpoint.mean_iou)}"
    iteration = number(checkpoint.iteration)
    best = ", best" if checkpoint.is_best else ""
    name = f"{checkpoint.id} · {model_name(checkpoint.config)}, job {checkpoint.job_id}"
    return Option(str(checkpoint.id), f"{name}, iteration {iteration}{score}{best}")


def _evaluate_options(session: Session) -> list[Option]:
    return [
        Option(str(job.id), f"Job {job.id} · {subject(job)}, mean IoU {percent(job.result.get('mean_iou'))}")
        for job in jobs.list_jobs(session, kind="evaluate", state=SUCCEEDED, limit=200)
        if job.result and job.result.get("logits")
    ]
