"""One job with everything that belongs to it, as text."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from deeplab.crf.grid import as_overrides
from deeplab.files import visible
from deeplab.formats import duration, percent
from worker.jobs.jobs import JobSummary
from worker.jobs.records.trials import Trial
from worker.jobs.watching.reasons import reason
from worker.jobs.watching.whole_job import WholeJob

_LONGEST_REASON = 80  # characters of a line of a table; `job show` prints whole errors


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


def render_job(job: WholeJob) -> str:
    """A job for people, over several lines."""
    return visible("\n".join(_lines(job)))


def _lines(job: WholeJob) -> Iterator[str]:
    origin = f", based on job {job.parent_id}" if job.parent_id is not None else ""
    whose = f", submitted by {job.user}" if job.user else ""
    yield f"Job {job.id}: {job.kind}, {job.state}{origin}{whose}"
    if job.name:
        yield f"Name: {job.name}"
    if job.notes:
        yield f"Notes: {job.notes}"
    if job.error:
        yield f"Error: {job.error}"
    if job.obstacle is not None:
        yield f"Waiting: {job.obstacle}{f' Start one: {job.remedy}' if job.remedy else ''}"
    if job.standing is not None:
        yield f"So far: {job.standing}"
    shown = {**job.spec, "priority": job.priority or None}
    yield from _section(
        "Request", [f"{name}: {_spell(value)}" for name, value in shown.items() if value not in (None, [])]
    )
    if counts := progress(job):
        left = f", {duration(job.eta_seconds)} left" if job.eta_seconds is not None else ""
        yield from _section("Progress", [f"{counts}{left}; attempt {job.attempts} of {job.max_attempts}"])
    if job.evaluation is not None:
        scores = {name: value for name, value in job.evaluation.scores.items() if isinstance(value, float)}
        yield from _section("Scores", [f"{name.replace('_', ' ')}: {percent(value)}" for name, value in scores.items()])
    yield from _section("Trials", [_trial(each) for each in job.trials])
    if job.result:
        yield from _section(
            "Result", [f"{name}: {_spell(value)}" for name, value in job.result.items() if value is not None]
        )
    yield from _section(
        "Checkpoints",
        [
            f"{each.id}: iteration {each.iteration}{', best' if each.is_best else ''}, {each.path}"
            for each in job.checkpoints
        ],
    )
    yield from _section(
        "Events",
        [f"{_clock(each.at)}  {each.message}{f' by {each.user}' if each.user else ''}" for each in job.events],
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
