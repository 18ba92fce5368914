"""The grid search of `deeplab crf`."""

from collections.abc import Sequence

import click

from deeplab.catalog import SCORES
from deeplab.config import Config
from deeplab.crf.grid import as_overrides, as_text, parse_grid
from deeplab.crf.search import Trial, best_of, search
from worker.cli.foreground.experiment import logits_dir, save_json, search_path
from worker.cli.output import print_json, print_table
from worker.cli.reporter import STARTS_OVER, report_progress


def search_grid(
    config: Config,
    split: str,
    grid: Sequence[str],
    *,
    sample: int | None,
    seed: int,
    jobs: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Try every combination of the values, show the scores of each, and name the best.

    Raises:
        ConfigError: if the grid is malformed.
        DeepLabError: as `deeplab.crf.search`.
    """
    settings, logits = parse_grid(grid), logits_dir(config, split)
    with report_progress(STARTS_OVER) as reporter:
        trials = search(
            config, logits, settings, reporter, split=split, sample=sample, seed=seed, jobs=jobs, device=device
        )
    path = search_path(config, split)
    found = _as_json(trials)
    save_json(path, found)
    if as_json:
        print_json(found)
        return
    _print(trials)
    click.echo(f"Search: {path}")


def _as_json(trials: Sequence[Trial]) -> dict[str, object]:
    best = best_of(trials)
    return {
        "n_images": best.scores["n_images"],
        "best": {"setting": best.setting, "mean_iou": best.scores["mean_iou"]},
        "trials": [{"setting": each.setting, **{name: each.scores[name] for name in SCORES}} for each in trials],
    }


def _print(trials: Sequence[Trial]) -> None:
    best = best_of(trials)
    rows = [_row(each, "best" if each is best else "") for each in trials]
    print_table((*best.setting, "MEAN IOU", ""), rows, "")
    options = " ".join(f"--set {override}" for override in as_overrides(best.setting))
    click.echo(f"\nBest of {len(trials)} on {best.scores['n_images']} images: {options}")


def _row(trial: Trial, mark: str) -> tuple[str, ...]:
    return *(as_text(value) for value in trial.setting.values()), f"{trial.scores['mean_iou']:.2%}", mark
