"""The scores of `deeplab test` and `deeplab crf`, as the original's JSON and as a table."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from deeplab.catalog import IMAGE_SCORES, SCORES
from deeplab.config import Config
from deeplab.datasets.class_names import class_names_of
from worker.cli.foreground.experiment import save_json
from worker.cli.output import print_json, print_table

_NAMES = {  # the original's, in its order
    "pixel_accuracy": "Pixel Accuracy",
    "mean_accuracy": "Mean Accuracy",
    "frequency_weighted_iou": "Frequency Weighted IoU",
    "mean_iou": "Mean IoU",
}
_OUR_NAMES = {  # of scores that the original does not have, and that are there on demand alone
    "image_mean_iou": "Image Mean IoU",
    "worst_tenth_iou": "Worst Tenth IoU",
    "boundary_iou": "Boundary IoU",
}


def scores_as_original(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores under the original's names, and those that it does not have; null is the IoU of an absent class.

    Args:
        scores: what `evaluate` and `refine` return.
    """
    names = {**_NAMES, **{ours: name for ours, name in _OUR_NAMES.items() if ours in scores}}
    by_class = {"Class IoU": _by_class(scores["class_iou"])}
    if "boundary_iou" in scores:
        by_class["Class Boundary IoU"] = _by_class(scores["class_boundary_iou"])
    return {**{name: scores[ours] for ours, name in names.items()}, **by_class}


def _by_class(values: Sequence[float]) -> dict[str, float | None]:
    return {str(index): None if math.isnan(value) else value for index, value in enumerate(values)}


def save_scores(path: Path, scores: Mapping[str, Any]) -> None:
    """Write scores as the original's JSON. Raises OutputError if the file cannot be written."""
    save_json(path, scores_as_original(scores))


def print_scores(config: Config, scores: Mapping[str, Any], path: Path, as_json: bool) -> None:
    """Print scores and where they were saved.

    Args:
        config: DATASET names the classes.
        scores: what `evaluate` and `refine` return.
        path: of the saved scores.
        as_json: print the original's JSON instead, for scripts.
    """
    if as_json:
        print_json(scores_as_original(scores))
        return
    columns = {"IOU": scores["class_iou"]}
    if "boundary_iou" in scores:
        columns["BOUNDARY IOU"] = scores["class_boundary_iou"]
    cells = [["absent" if math.isnan(value) else f"{value:.1%}" for value in each] for each in columns.values()]
    rows = list(zip(class_names_of(config.DATASET), *cells, strict=True))
    print_table(("CLASS", *columns), rows, "")
    titles = {name: title for name, title in {**SCORES, **IMAGE_SCORES}.items() if name in scores}
    summary = ", ".join(f"{title[0].lower()}{title[1:]} {scores[name]:.1%}" for name, title in titles.items())
    click.echo(f"\n{summary[0].upper()}{summary[1:]} over {scores['n_images']} images.")
    click.echo(f"Scores: {path}")
