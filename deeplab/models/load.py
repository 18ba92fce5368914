"""A network of a config with trained weights, from a file or from what others published."""

from pathlib import Path

from torch import nn

from deeplab.config import Config
from deeplab.errors import ConfigError
from deeplab.models.build import build_from_config
from deeplab.models.weights import fill_backbone, load_weights


def load_model(config: Config, checkpoint: Path | None) -> nn.Module:
    """Build the network of the MODEL section with trained weights.

    Args:
        config: MODEL, DATASET.N_CLASSES and IMAGE.MEAN are read.
        checkpoint: a checkpoint or a file of weights; None takes those that MODEL.WEIGHTS names.

    Raises:
        CheckpointError: if the file cannot be read or holds the weights of another model, or published weights cannot
            be downloaded.
        ConfigError: if neither is given, or the network has not what the config says.
    """
    if checkpoint is None:
        if config.MODEL.WEIGHTS is None:
            raise ConfigError("No checkpoint was given, and MODEL.WEIGHTS, which can stand in for one, is empty.")
        return build_from_config(config, weights=config.MODEL.WEIGHTS)
    model = build_from_config(config)
    load_weights(model, checkpoint)
    return model


def fill_from_torchvision(model: nn.Module, config: Config) -> list[str]:
    """Fill a network with the weights that MODEL.WEIGHTS names, to start training from; the head may be another.

    Returns:
        The keys of the model that were not filled.

    Raises:
        CheckpointError, ConfigError: if there are no such weights, or they cannot be downloaded.
    """
    from deeplab.models.torchvision_models import fetch_weights

    name, weights = config.MODEL.NAME, config.MODEL.WEIGHTS or ""
    return fill_backbone(model, fetch_weights(name, weights), weights)
