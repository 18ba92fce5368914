"""Load the model of a config with trained weights, from a file or from those that torchvision publishes."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from deeplab.catalog import TORCHVISION_MODELS
from deeplab.config import Config
from deeplab.errors import ConfigError
from deeplab.files import printable
from deeplab.mirrors import local_path
from deeplab.models.build import build_from_config
from deeplab.models.published import fetch_release
from deeplab.models.weights.fill import fill_backbone, load_initial_weights, load_weights
from deeplab.releases import imagenet_release

_log = logging.getLogger(__name__)
# Keys of MODEL that change what weights compute and not their shapes, with the value in checkpoints without the key.
_UNSEEN = {"ATROUS_RATES": None, "OUTPUT_STRIDE": None, "STRIDE_IN": "1x1"}


def load_model(config: Config, checkpoint: Path | None) -> nn.Module:
    """Build the model of the MODEL section with trained weights.

    Args:
        config: MODEL, DATASET.N_CLASSES and IMAGE.MEAN are read.
        checkpoint: a checkpoint or a file of weights; None: the published weights that MODEL.WEIGHTS names.

    Raises:
        CheckpointError: if the file cannot be read or holds the weights of another model, or published weights cannot
            be downloaded.
        ConfigError: if neither is given, or the model does not have a setting of MODEL.
    """
    if checkpoint is None:
        if config.MODEL.WEIGHTS is None:
            raise ConfigError("Neither a checkpoint nor MODEL.WEIGHTS is given.")
        if config.MODEL.NAME not in TORCHVISION_MODELS:
            raise ConfigError(
                f"No checkpoint is given; MODEL.WEIGHTS {config.MODEL.WEIGHTS} is where a training of"
                f" {config.MODEL.NAME} starts, and has no classes of yours."
            )
        return build_from_config(config, weights=config.MODEL.WEIGHTS)
    model = build_from_config(config)
    trained_with = load_weights(model, checkpoint)
    for sentence in _describe_changes(config, trained_with):
        _log.warning("%s: %s", printable(checkpoint), sentence)
    return model


def _describe_changes(config: Config, trained_with: Mapping[str, Any]) -> list[str]:
    """Say what a model computes otherwise than in its training, though its weights fit."""
    there, here = trained_with.get("MODEL"), config.MODEL.model_dump(mode="json")
    if not isinstance(there, Mapping):
        return []
    return [
        f"MODEL.{key} was {there.get(key, default)} in the training and is {here[key]} now, which gives other labels."
        for key, default in _UNSEEN.items()
        if there.get(key, default) != here[key]
    ]


def fill_initially(model: nn.Module, config: Config, file: Path | None = None) -> tuple[str, list[str]]:
    """Fill a model with the weights from which its training starts; the head may differ.

    Args:
        model: the model of the MODEL section.
        config: MODEL.INIT_MODEL, MODEL.WEIGHTS and IMAGE.MEAN are read.
        file: weights to take in place of those that the configuration names.

    Returns:
        Where they are from, "" for nowhere; and the keys of the model that were not filled.

    Raises:
        ConfigError: if there are no such published weights.
        CheckpointError: if a file cannot be read or downloaded, or the backbone differs.
    """
    section, mean = config.MODEL, (config.IMAGE.MEAN.B, config.IMAGE.MEAN.G, config.IMAGE.MEAN.R)
    path = file or (local_path(section.INIT_MODEL) if section.INIT_MODEL else None)
    if path is not None:
        return str(path), load_initial_weights(model, path, mean)
    if section.WEIGHTS is None:
        return "", [key for key in model.state_dict() if not key.endswith("num_batches_tracked")]
    if section.NAME not in TORCHVISION_MODELS:
        release = imagenet_release(section.NAME, section.WEIGHTS)
        return section.WEIGHTS, load_initial_weights(model, fetch_release(release), mean)
    from deeplab.models.torchvision_models import fetch_weights

    return section.WEIGHTS, fill_backbone(model, fetch_weights(section.NAME, section.WEIGHTS), section.WEIGHTS)
