"""Paths of an experiment's files: the original's layout under EXP.OUTPUT_DIR. Torch-free."""

import json
from pathlib import Path

from deeplab.config import Config
from deeplab.files import write_text


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
    """File of the results of a grid search over CRF parameters."""
    return _folder(config, "scores", split) / "crf_search.json"


def save_json(path: Path, value: object) -> None:
    """Write a value as JSON, whole or not at all. Raises OutputError if the file cannot be written."""
    write_text(path, json.dumps(value, indent=4, allow_nan=False) + "\n")


def _folder(config: Config, content: str, split: str) -> Path:
    return Path(config.EXP.OUTPUT_DIR) / content / config.EXP.ID / config.MODEL.NAME.lower() / split
