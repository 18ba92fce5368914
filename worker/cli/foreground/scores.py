"""The scores of `deeplab test` and `deeplab crf`, as the original's JSON and as a table."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from deeplab.catalog import SCORES
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


def scores_as_original(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores under the original's names; null is the IoU of a class that does not occur.

    Args:
        scores: what `evaluate` and `refine` return.
    """
    class_iou = {str(index): None if math.isnan(iou) else iou for index, iou in enumerate(scores["class_iou"])}
    return {**{theirs: scores[ours] for ours, theirs in _NAMES.items()}, "Class IoU": class_iou}


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
    class_iou = scores["class_iou"]
    names = class_names_of(config.DATASET)
    rows = [(name, "absent" if math.isnan(iou) else f"{iou:.1%}") for name, iou in zip(names, class_iou, strict=True)]
    print_table(("CLASS", "IOU"), rows, "")
    summary = ", ".join(f"{title[0].lower()}{title[1:]} {scores[name]:.1%}" for name, title in SCORES.items())
    click.echo(f"\n{summary[0].upper()}{summary[1:]} over {scores['n_images']} images.")
    click.echo(f"Scores: {path}")
