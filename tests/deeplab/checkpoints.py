"""A small model and a training state of it, to save and to load."""

import torch
from torch import Tensor, nn

from deeplab.models.build import build_model
from deeplab.training.checkpoint import Checkpoint


def build(name: str = "DeepLabV2_ResNet50_MSC", n_classes: int = 3, width: int = 4) -> nn.Module:
    return build_model(name, n_classes, n_blocks=(1, 1, 1, 1), width=width)


def equal(model: nn.Module, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def whole(model: nn.Module) -> Checkpoint:
    return Checkpoint(
        7, model.state_dict(), {"state": {}}, {"last_epoch": 7}, {"cpu": torch.get_rng_state()}, {}, 3, [0.5]
    )
