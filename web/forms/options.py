"""What the forms offer to choose from: datasets, checkpoints, evaluations."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.orm import Session

from web.text.describe import subject
from web.text.formats import number, percent
from worker.jobs import datasets, jobs
from worker.jobs.catalog import QUEUED, RUNNING, SUCCEEDED, parse_integer
from worker.jobs.jobs import JobNotFoundError, JobSummary
from worker.jobs.records import aliases, checkpoints
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.checkpoints import Checkpoint, CheckpointNotFoundError
from worker.jobs.requests.specs import SPECS
from worker.jobs.watching.job_list import JobFilter, list_jobs

_LISTED = 200  # the newest checkpoints or jobs that a list offers


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


def load_options(session: Session, kind: str, chosen: Mapping[str, str]) -> Options:
    """Read what the form of a kind of job offers to choose from, and no more.

    Args:
        session: reads.
        kind: of the job.
        chosen: what was entered, by field; an older checkpoint or job than those that are listed is added to them.
    """
    names = SPECS[kind].model_fields.keys()
    known = datasets.list_datasets(session) if "dataset" in names and kind != "import" else []
    lists: dict[str, Sequence[Option]] = {}
    if "dataset" in names and kind != "import":  # which gives a new one its name
        none = "Choose…" if SPECS[kind].model_fields["dataset"].is_required() else "From the configuration"
        named = (Option(each.name, f"{each.name} ({each.n_classes} classes)") for each in known)
        lists["dataset"] = [Option("", none), *named]
    if "checkpoint" in names:
        saved = _checkpoint_options(session, chosen.get("checkpoint", ""))
        lists["checkpoint"] = [*_training_options(session), *saved]
    if "resume" in names:
        scratch = Option("", "None: start from scratch")
        lists["resume"] = [scratch, *_checkpoint_options(session, chosen.get("resume", ""))]
    if "evaluate_job" in names:
        lists["evaluate_job"] = [Option("", "Choose…"), *_evaluate_options(session, chosen.get("evaluate_job", ""))]
    return Options(lists, suggestions={"split": sorted({split for each in known for split in each.splits})})


def _checkpoint_options(session: Session, chosen: str) -> list[Option]:
    listed = checkpoints.list_checkpoints(session, limit=_LISTED)
    older = parse_integer(chosen)
    if older is not None and older not in (each.id for each in listed):
        with suppress(CheckpointNotFoundError):  # the submission says so
            listed.append(checkpoints.get(session, older))
    named = [
        Option(each.name, f"{each.name} · checkpoint {each.checkpoint_id}") for each in aliases.list_aliases(session)
    ]
    return [*named, *(_checkpoint_option(each) for each in listed)]


def _training_options(session: Session) -> list[Option]:
    """Trainings that have yet to end, for the checkpoints that they will be about."""
    return [
        Option(CheckpointRef.of_job(job.id).text, f"Best checkpoint of job {job.id} · {subject(job)}, {job.state}")
        for job in _list_open(session, "train")
    ]


def _checkpoint_option(checkpoint: Checkpoint) -> Option:
    score = "" if checkpoint.mean_iou is None else f", mean IoU {percent(checkpoint.mean_iou)} on {checkpoint.split}"
    iteration = number(checkpoint.iteration)
    best = ", best" if checkpoint.is_best else ""
    name = f"{checkpoint.id} · {checkpoint.model}, job {checkpoint.job_id}"
    return Option(str(checkpoint.id), f"{name}, iteration {iteration}{score}{best}")


def _evaluate_options(session: Session, chosen: str) -> list[Option]:
    listed = list_jobs(session, JobFilter("evaluate", SUCCEEDED), limit=_LISTED)
    older = parse_integer(chosen)
    if older is not None and older not in (job.id for job in listed):
        with suppress(JobNotFoundError):
            listed.append(jobs.get(session, older))
    evaluated = [
        Option(str(job.id), f"Job {job.id} · {subject(job)}, mean IoU {percent(job.result.get('mean_iou'))}")
        for job in listed
        if job.kind == "evaluate" and job.result and job.result.get("logits")
    ]
    to_come = [
        Option(str(job.id), f"Job {job.id} · {subject(job)}, {job.state}")
        for job in _list_open(session, "evaluate")
        if job.spec["save_logits"]
    ]
    return [*to_come, *evaluated]


def _list_open(session: Session, kind: str) -> list[JobSummary]:
    """Jobs of a kind that have yet to end."""
    return [job for state in (RUNNING, QUEUED) for job in list_jobs(session, JobFilter(kind, state), limit=_LISTED)]
