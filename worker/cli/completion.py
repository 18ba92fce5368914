"""What a shell offers after Tab: ids of jobs and checkpoints, and the names that people gave.

Whatever goes wrong, nothing is offered: a shell that completes a word has no place for a sentence.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_MOST = 50
_Offered = Iterable[tuple[str, str]]  # what may stand there, and what it is
_Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completes(list_offered: "Callable[[Session, str], _Offered]") -> _Complete:
    """Make a function that Click calls of one that lists what there is, the most likely first."""

    def complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from worker.cli.store import open_store

        with suppress(Exception), open_store() as session:
            offered = [each for each in list_offered(session, incomplete) if each[0].startswith(incomplete)]
            return [CompletionItem(value, help=what) for value, what in offered[:_MOST]]
        return []

    return complete


def _jobs(kind: str | None = None) -> "Callable[[Session, str], _Offered]":
    def offered(session: "Session", _incomplete: str) -> _Offered:
        from worker.jobs.watching.job_list import JobFilter, list_jobs

        for job in list_jobs(session, JobFilter(kind), limit=500):
            yield str(job.id), " ".join(filter(None, [job.name, job.kind, job.state]))

    return offered


def _datasets(session: "Session", _incomplete: str) -> _Offered:
    from worker.jobs import datasets

    for each in datasets.list_datasets(session):
        yield each.name, f"{each.n_classes} classes"


def _checkpoints(session: "Session", incomplete: str) -> _Offered:
    from worker.jobs.records import aliases, checkpoints
    from worker.jobs.watching.job_list import JobFilter, list_jobs

    if incomplete.startswith("job:"):
        for job in list_jobs(session, JobFilter("train"), limit=200):
            yield f"job:{job.id}", f"best of {job.name or 'job'} {job.id}, {job.state}"
        return
    for alias in aliases.list_aliases(session):
        yield alias.name, f"checkpoint {alias.checkpoint_id}"
    for each in checkpoints.list_checkpoints(session, limit=200):
        best = ", best" if each.is_best else ""
        yield str(each.id), f"{each.model}, job {each.job_id}, iteration {each.iteration}{best}"


def _presets(session: "Session", _incomplete: str) -> _Offered:
    from worker.jobs import presets

    for each in presets.list_presets(session, None):
        yield each.name, each.title


def _experiments(session: "Session", _incomplete: str) -> _Offered:
    from worker.jobs import experiments

    for each in experiments.list_experiments(session, limit=200):
        yield str(each.id), each.name


def _experiment_names(session: "Session", _incomplete: str) -> _Offered:
    from worker.jobs import experiments

    for name in experiments.list_names(session):
        yield name, ""


jobs = _completes(_jobs())
evaluate_jobs = _completes(_jobs("evaluate"))
segment_jobs = _completes(_jobs("segment"))
datasets = _completes(_datasets)
checkpoints = _completes(_checkpoints)
presets = _completes(_presets)
experiments = _completes(_experiments)
experiment_names = _completes(_experiment_names)
