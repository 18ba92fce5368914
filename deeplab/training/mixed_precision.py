"""The precision of training: what of an iteration is computed in RUNTIME.PRECISION, and how gradients survive it."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from deeplab.catalog import Precision
from deeplab.errors import ConfigError
from deeplab.models.runtime import DTYPES

_LEAST_SCALE = 1.0  # below it gradients overflow that were not even enlarged


class MixedPrecision:
    """Autocast for the forward pass, and for fp16 a scaler of the loss. With fp32 neither does anything.

    A step whose fp16 gradients overflow is left out by the scaler, which then lowers its scale; that is no divergence
    unless it happens again and again.

    Raises:
        ConfigError: if the device cannot compute in that precision.
    """

    def __init__(self, precision: Precision, device: torch.device) -> None:
        if (
            precision == "bf16"
            and device.type == "cuda"
            and not torch.cuda.is_bf16_supported(including_emulation=False)
        ):
            raise ConfigError(
                f"RUNTIME.PRECISION bf16 needs a newer GPU than {torch.cuda.get_device_name(device)}; use fp16 or fp32."
            )
        self._device = device
        self._type = DTYPES[precision]
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")

    @property
    def scales(self) -> bool:
        """Whether the loss is scaled: with fp16."""
        return self._scaler.is_enabled()

    def autocast(self) -> torch.autocast:
        """A context for the network's forward pass. The loss and the backward pass belong outside."""
        return torch.autocast(self._device.type, dtype=self._type, enabled=self._type is not torch.float32)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss."""
        torch.autograd.backward(self._scaler.scale(loss))

    def step(self, optimizer: Optimizer) -> None:
        """One step of the optimizer with the gradients, unless they have overflowed."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def copes(self) -> bool:
        """Whether a loss that is not finite is but a step that the scaler leaves out."""
        return self.scales and self._scaler.get_scale() >= _LEAST_SCALE

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps; empty unless the precision is fp16."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint, whose precision may have been another."""
        if self.scales and state:
            self._scaler.load_state_dict(state)
