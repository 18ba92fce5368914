"""Load the network of a config with trained weights, from a file or from those that torchvision publishes."""

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
        checkpoint: a checkpoint or a file of weights; None: the published weights that MODEL.WEIGHTS names.

    Raises:
        CheckpointError: if the file cannot be read or holds the weights of another model, or published weights cannot
            be downloaded.
        ConfigError: if neither is given, or the network does not have a setting of MODEL.
    """
    if checkpoint is None:
        if config.MODEL.WEIGHTS is None:
            raise ConfigError("Neither a checkpoint nor MODEL.WEIGHTS is given.")
        return build_from_config(config, weights=config.MODEL.WEIGHTS)
    model = build_from_config(config)
    load_weights(model, checkpoint)
    return model


def fill_from_torchvision(model: nn.Module, config: Config) -> list[str]:
    """Fill a network with the weights that MODEL.WEIGHTS names, to start training from; the head may differ.

    Returns:
        The keys of the model that were not filled.

    Raises:
        ConfigError: if there are no such weights.
        CheckpointError: if they cannot be downloaded, or the backbone differs.
    """
    from deeplab.models.torchvision_models import fetch_weights

    name, weights = config.MODEL.NAME, config.MODEL.WEIGHTS or ""
    return fill_backbone(model, fetch_weights(name, weights), weights)
