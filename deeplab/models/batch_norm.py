"""Batch norm as a whole network's setting."""

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def freeze_batch_norm(model: nn.Module) -> None:
    """Make every batch norm use its running statistics and keep them. Undone by `model.train()`, so call it after."""
    for module in batch_norms(model):
        module.eval()


def set_batch_norm_momentum(model: nn.Module, momentum: float) -> None:
    """Set the weight of the newest batch in the running statistics of every batch norm."""
    for module in batch_norms(model):
        module.momentum = momentum


def batch_norms(model: nn.Module) -> Iterator[_BatchNorm]:
    """Every batch norm of the network, synchronised ones included."""
    return (module for module in model.modules() if isinstance(module, _BatchNorm))
