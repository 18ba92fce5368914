"""Optimizer and learning-rate schedule of the DeepLab v2 protocol."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from deeplab.models.batch_norm import batch_norms
from deeplab.models.weights.names import in_backbone
from deeplab.schema import Solver


def parameter_groups(
    model: nn.Module, lr: float, weight_decay: float, *, train_bn: bool = False
) -> list[dict[str, Any]]:
    """Group the parameters that the protocol trains by learning rate.

    Args:
        model: any that `deeplab.models.build` builds.
        lr: base learning rate.
        weight_decay: of the weights; biases have none.
        train_bn: whether batch norm's scales and shifts are trained too.

    Returns:
        Groups for an optimizer: the backbone's weights at 1x, the head's weights at 10x, the head's biases at 20x, and
        with `train_bn` batch norm's parameters at 1x without decay.
    """
    convolutions = [(name, each) for name, each in model.named_modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    backbone = [each for name, each in convolutions if in_backbone(name)]
    head = [each for name, each in convolutions if not in_backbone(name)]
    groups = [
        {"params": list(_named("weight", backbone)), "lr": lr, "weight_decay": weight_decay},
        {"params": list(_named("weight", head)), "lr": 10 * lr, "weight_decay": weight_decay},
        {"params": list(_named("bias", head)), "lr": 20 * lr, "weight_decay": 0.0},
    ]
    if train_bn:
        norms = [parameter for norm in batch_norms(model) for parameter in norm.parameters()]
        groups.append({"params": norms, "lr": lr, "weight_decay": 0.0})
    return groups


def build_optimizer(groups: list[dict[str, Any]], solver: Solver, *, fused: bool = False) -> Optimizer:
    """Build the optimizer that SOLVER.OPTIMIZER names.

    Args:
        groups: as `parameter_groups` returns them.
        solver: the SOLVER section.
        fused: whether one kernel does a whole step, with the same result but for rounding. It skips a step whose
            gradients overflowed by itself, so that the CPU need not wait to see whether they did.
    """
    if solver.OPTIMIZER == "adamw":
        return torch.optim.AdamW(groups, lr=solver.LR, betas=(solver.MOMENTUM, 0.999), fused=fused or None)
    return torch.optim.SGD(groups, lr=solver.LR, momentum=solver.MOMENTUM, fused=fused or None)


def restore_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Continue from a saved state, of a fused optimizer or not, and in any memory format.

    Args:
        optimizer: stays fused or not, as it is.
        state: the `state_dict` of the saved one.
    """
    fused = optimizer.param_groups[0]["fused"]
    optimizer.load_state_dict({**state, "param_groups": [{**group, "fused": fused} for group in state["param_groups"]]})
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)  # kernels expect the parameter's strides


class PolynomialLR(LRScheduler):
    """Decays each group's learning rate by (1 - iteration / iter_max) ** power, every `step_size` iterations.

    In the first `warmup` iterations the rate is that times 1 / warmup, 2 / warmup ... 1.

    Call `step()` once after each iteration's `optimizer.step()`. After `iter_max` the rates stay as they are.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        iter_max: int,
        power: float,
        last_epoch: int = -1,
        *,
        warmup: int = 0,
    ) -> None:
        self.warmup = warmup
        self.step_size = step_size
        self.iter_max = iter_max
        self.power = power
        super().__init__(optimizer, last_epoch)

    def stretch(self, iter_max: int) -> None:
        """Continue as if the run had been planned for another length; with the same length, change nothing."""
        if iter_max == self.iter_max:
            return
        self.iter_max = iter_max
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr * self._decay(self.last_epoch) * self._warmth(self.last_epoch)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def get_lr(self) -> list[float | Tensor]:
        """Compute the learning rate of each group for the coming iteration."""
        iteration = self.last_epoch
        if iteration < self.warmup:
            return [lr * self._decay(iteration) * self._warmth(iteration) for lr in self.base_lrs]
        if iteration == 0 or iteration % self.step_size or iteration > self.iter_max:
            return [group["lr"] for group in self.optimizer.param_groups]
        return [lr * self._decay(iteration) for lr in self.base_lrs]

    def _decay(self, iteration: int) -> float:
        last_change = iteration - iteration % self.step_size
        return float((1 - last_change / self.iter_max) ** self.power)

    def _warmth(self, iteration: int) -> float:
        return min(1.0, (iteration + 1) / self.warmup) if self.warmup else 1.0


def _named(name: str, modules: list[nn.Conv2d | nn.Linear]) -> Iterator[nn.Parameter]:
    return (parameter for module in modules if (parameter := getattr(module, name)) is not None)
