"""Where the local commands put the files of an experiment: the original's layout under EXP.OUTPUT_DIR. Torch-free."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplab.config import Config
from deeplab.files import make_folder, replace_file

_NAMES = {
    "pixel_accuracy": "Pixel Accuracy",
    "mean_accuracy": "Mean Accuracy",
    "frequency_weighted_iou": "Frequency Weighted IoU",
    "mean_iou": "Mean IoU",
}


def models_dir(config: Config) -> Path:
    """Folder of the checkpoints of a training."""
    return _folder(config, "models", config.DATASET.SPLIT.TRAIN)


def logs_dir(config: Config) -> Path:
    """Folder of the TensorBoard scalars of a training."""
    return Path(config.EXP.OUTPUT_DIR) / "logs" / config.EXP.ID


def logits_dir(config: Config, split: str) -> Path:
    """Folder of the logits of a split's images."""
    return _folder(config, "features", split) / "logit"


def scores_path(config: Config, split: str, *, crf: bool) -> Path:
    """File of the scores of a split, after the CRF or without."""
    return _folder(config, "scores", split) / ("scores_crf.json" if crf else "scores.json")


def search_path(config: Config, split: str) -> Path:
    """File of what a grid search over the CRF's parameters found."""
    return _folder(config, "scores", split) / "crf_search.json"


def scores_as_original(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores under the original's names; null is the IoU of a class that does not occur.

    Args:
        scores: what `evaluate` and `refine` return.
    """
    class_iou = {str(index): None if iou != iou else iou for index, iou in enumerate(scores["class_iou"])}
    return {**{theirs: scores[ours] for ours, theirs in _NAMES.items()}, "Class IoU": class_iou}


def save_scores(path: Path, scores: Mapping[str, Any]) -> None:
    """Write scores as the original's JSON. Raises OutputError if the file cannot be written."""
    save_json(path, scores_as_original(scores))


def save_json(path: Path, value: object) -> None:
    """Write a value as JSON, whole or not at all. Raises OutputError if the file cannot be written."""
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write((json.dumps(value, indent=4, allow_nan=False) + "\n").encode())


def _folder(config: Config, content: str, split: str) -> Path:
    return Path(config.EXP.OUTPUT_DIR) / content / config.EXP.ID / config.MODEL.NAME.lower() / split
