"""The trials of a grid search, stored as metrics of its job: a trial's number takes the place of the iteration.

Never imports torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from deeplab.catalog import SCORES
from deeplab.crf.grid import Setting, parse_grid
from worker.jobs.records import metrics


@dataclass(frozen=True)
class Trial:
    """A setting that was tried, with its summary scores; all of them are in deeplab.crf.search.Trial."""

    number: int  # from 1 on
    setting: Setting  # values by parameter
    scores: dict[str, float]  # by the names of SCORES; a search of an older version may lack some
    best: bool  # whether no other trial has a higher mean IoU, and none before it the same


def add(session: Session, job_id: int, scores: Sequence[Mapping[str, Any]]) -> None:
    """Record the scores of all trials in their order, replacing those of an earlier attempt."""
    for number, each in enumerate(scores, start=1):
        metrics.add(session, job_id, number, {name: each[name] for name in SCORES})


def list_trials(session: Session, job_id: int, spec: Mapping[str, Any]) -> list[Trial]:
    """List the trials of a grid search in their order; none before it has ended, and none for other jobs."""
    if not spec.get("grid"):
        return []
    series = {
        name: {int(number): value for number, value in values}
        for name, values in metrics.list_metrics(session, job_id, tuple(SCORES)).items()
    }
    if not series:
        return []
    best = max(series["mean_iou"], key=lambda number: (series["mean_iou"][number], -number))
    return [
        Trial(number, setting, {name: values[number] for name, values in series.items()}, number == best)
        for number, setting in enumerate(parse_grid(spec["grid"]), start=1)
    ]
