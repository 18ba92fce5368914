"""Set all batch norms of a model at once."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from deeplab.errors import ConfigError


def freeze_batch_norm(model: nn.Module) -> None:
    """Make every batch norm use its running statistics and keep them. `model.train()` undoes this."""
    for module in batch_norms(model):
        module.eval()


def set_batch_norm_momentum(model: nn.Module, momentum: float) -> None:
    """Set the weight of the newest batch in the running statistics of every batch norm."""
    for module in batch_norms(model):
        module.momentum = momentum


def synchronise_batch_norm(model: nn.Module, device: torch.device) -> nn.Module:
    """Compute the statistics of every batch norm over the batches of all processes.

    Args:
        model: is changed in place; its parameters and the keys of its state dict stay.
        device: of the model.

    Returns:
        The model.

    Raises:
        ConfigError: on a CPU, where torch has no such batch norm.
    """
    if device.type != "cuda":
        raise ConfigError(
            "Several processes can train batch norm on GPUs only (torch's SyncBatchNorm); start one process,"
            " or set SOLVER.FREEZE_BN=true."
        )
    synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return synchronised


def batch_norms(model: nn.Module) -> Iterator[_BatchNorm]:
    """Yield every batch norm of a model, synchronised ones included."""
    return (module for module in model.modules() if isinstance(module, _BatchNorm))
