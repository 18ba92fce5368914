"""A grid search as a heat map over two of its parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from deeplab.crf.grid import Setting
from worker.jobs.records.trials import Trial

_STRONGEST = 5  # of the colours that compare.css has


@dataclass(frozen=True)
class HeatCell:
    """A trial in the map."""

    trial: Trial
    strength: int  # from 0, the lowest mean IoU of the map, to 5, the highest


@dataclass(frozen=True)
class HeatMap:
    """Mean IoU over two parameters; the others stand at the values of the best trial."""

    axes: Sequence[str]  # the parameters to choose from: those with several values
    x: str
    y: str | None  # None where one parameter alone has several values
    columns: Sequence[float]
    rows: Sequence[tuple[float | None, Sequence[HeatCell]]]  # by the value of y
    fixed: Setting  # the other axes with their values


def heat_map(trials: Sequence[Trial], x: str | None = None, y: str | None = None) -> HeatMap | None:
    """Lay out trials over two parameters.

    Args:
        trials: all of a grid search.
        x: the parameter of the columns; None, or one that is no axis: the first one that is left.
        y: that of the rows, likewise.

    Returns:
        None if no parameter has several values.
    """
    axes = [name for name in trials[0].setting if len(_values(trials, name)) > 1] if trials else []
    if not axes:
        return None
    x = x if x in axes else next(name for name in axes if name != y or len(axes) == 1)
    y = y if y in axes and y != x else next((name for name in axes if name != x), None)
    best = next(trial for trial in trials if trial.best)
    fixed = {name: best.setting[name] for name in axes if name not in (x, y)}
    shown = [trial for trial in trials if all(trial.setting[name] == value for name, value in fixed.items())]
    columns = _values(shown, x)
    rows = [None] if y is None else _values(shown, y)
    at = {
        (trial.setting[x], None if y is None else trial.setting[y]): cell
        for trial, cell in zip(shown, _cells(shown), strict=True)
    }
    return HeatMap(axes, x, y, columns, [(row, [at[column, row] for column in columns]) for row in rows], fixed)


def best_trials(trials: Sequence[Trial]) -> list[int]:
    """The numbers of the trials that no other one surpasses, as their mean IoU is shown in hundredths of a percent."""
    shown = {trial.number: round(trial.scores["mean_iou"], 4) for trial in trials}
    return [number for number, value in shown.items() if value == max(shown.values())]


def _values(trials: Sequence[Trial], name: str) -> list[float]:
    return sorted({trial.setting[name] for trial in trials})


def _cells(trials: Sequence[Trial]) -> list[HeatCell]:
    scores = [trial.scores["mean_iou"] for trial in trials]
    low, width = min(scores), max(scores) - min(scores)
    return [
        HeatCell(trial, round(_STRONGEST * (trial.scores["mean_iou"] - low) / width) if width else 0)
        for trial in trials
    ]
