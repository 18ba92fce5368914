"""One job with everything that belongs to it, as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from deeplab.crf.grid import as_overrides
from deeplab.files import visible
from deeplab.formats import duration, percent
from worker.jobs import jobs, outcomes
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.records import checkpoints, evaluations, events, trials
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.records.events import Event
from worker.jobs.records.trials import Trial
from worker.jobs.settings import Settings
from worker.jobs.watching.reasons import reason
from worker.jobs.watching.waiting import Obstacle, find_obstacle

_LONGEST_REASON = 80  # characters of a line of a table; `job show` prints whole errors


@dataclass(frozen=True)
class WholeJob:
    """A job and what it left behind."""

    job: Job
    evaluation: Evaluation | None
    trials: Sequence[Trial]
    checkpoints: Sequence[Checkpoint]
    events: Sequence[Event]
    obstacle: Obstacle | None = None  # that keeps it waiting
    standing: str | None = None  # what counts against it while it has not ended


def read_job(session: Session, settings: Settings, job_id: int) -> WholeJob:
    """Read a job and what it left behind; settings bound what may happen to it.

    Raises:
        JobNotFoundError: if there is no such job.
    """
    job = jobs.get(session, job_id)
    return WholeJob(
        job,
        evaluations.find(session, job_id),
        trials.list_trials(session, job_id, job.spec),
        checkpoints.list_checkpoints(session, job_id),
        events.list_events(session, job_id),
        find_obstacle(session, settings, job),
        None if job.is_terminal else outcomes.describe_standing(job, settings),
    )


def table_row(job: JobSummary, now: float) -> tuple[object, ...]:
    """A job as a line of a table; `now` is the database's time."""
    took = None if job.started_at is None else (job.finished_at or now) - job.started_at
    return job.id, job.name, job.kind, job.state, progress(job), _span(took), _span(job.eta_seconds), _reason(job)


def _reason(job: JobSummary) -> str:
    text = reason(job.error or "")
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def progress(job: JobSummary) -> str:
    """How far a job is: "120/600 iterations"; empty while unknown."""
    return f"{job.done}/{job.total} {job.unit}s" if job.total else ""


def render_job(whole: WholeJob) -> str:
    """A job for people, over several lines."""
    return visible("\n".join(_lines(whole)))


def _lines(whole: WholeJob) -> Iterator[str]:
    job = whole.job
    origin = f", based on job {job.parent_id}" if job.parent_id is not None else ""
    whose = f", submitted by {job.user}" if job.user else ""
    yield f"Job {job.id}: {job.kind}, {job.state}{origin}{whose}"
    if job.name:
        yield f"Name: {job.name}"
    if job.notes:
        yield f"Notes: {job.notes}"
    if job.error:
        yield f"Error: {job.error}"
    if whole.obstacle is not None:
        yield f"Waiting: {whole.obstacle}"
    if whole.standing is not None:
        yield f"So far: {whole.standing}"
    shown = {**job.spec, "priority": job.priority or None}
    yield from _section(
        "Request", [f"{name}: {_spell(value)}" for name, value in shown.items() if value not in (None, [])]
    )
    if counts := progress(job):
        left = f", {duration(job.eta_seconds)} left" if job.eta_seconds is not None else ""
        yield from _section("Progress", [f"{counts}{left}; attempt {job.attempts} of {job.max_attempts}"])
    if whole.evaluation is not None:
        scores = {name: value for name, value in whole.evaluation.scores.items() if isinstance(value, float)}
        yield from _section("Scores", [f"{name.replace('_', ' ')}: {percent(value)}" for name, value in scores.items()])
    yield from _section("Trials", [_trial(each) for each in whole.trials])
    if job.result:
        yield from _section(
            "Result", [f"{name}: {_spell(value)}" for name, value in job.result.items() if value is not None]
        )
    yield from _section(
        "Checkpoints",
        [
            f"{each.id}: iteration {each.iteration}{', best' if each.is_best else ''}, {each.path}"
            for each in whole.checkpoints
        ],
    )
    yield from _section(
        "Events",
        [f"{_clock(each.at)}  {each.message}{f' by {each.user}' if each.user else ''}" for each in whole.events],
    )


def _spell(value: object) -> str:
    """A value for people: "yes", or a list with commas between its parts."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_spell, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_spell(each)}" for name, each in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _trial(trial: Trial) -> str:
    values = " ".join(as_overrides(trial.setting))
    return f"{values}: mean IoU {percent(trial.scores['mean_iou'])}{' (best)' if trial.best else ''}"


def _section(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"\n{heading}:"
        yield from (f"  {line}" for line in lines)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
