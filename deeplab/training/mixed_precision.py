"""Train in RUNTIME.PRECISION: which part of an iteration is computed in it, and how gradients survive fp16."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from deeplab.catalog import Precision
from deeplab.errors import ConfigError
from deeplab.models.runtime import DTYPES

_BACKOFF = 0.5  # by which a step that is left out lowers the scale
_LEAST_SCALE = 1.0  # below it, gradients overflowed that were not even scaled up


class MixedPrecision:
    """Autocast for the forward pass, and for fp16 a scaler of the loss. With fp32 neither does anything.

    The scaler skips a step whose fp16 gradients overflow, and lowers its scale. That is no divergence unless it happens
    again and again.

    Raises:
        ConfigError: if the device cannot compute in this precision.
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
        self._scaler = torch.amp.GradScaler(device.type, backoff_factor=_BACKOFF, enabled=precision == "fp16")
        self._first_scale = self._scaler.get_scale()

    @property
    def scales(self) -> bool:
        """Whether the loss is scaled: with fp16."""
        return self._scaler.is_enabled()

    def autocast(self) -> torch.autocast:
        """Return a context for the model's forward pass. The loss and the backward pass belong outside."""
        return torch.autocast(self._device.type, dtype=self._type, enabled=self._type is not torch.float32)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to those of the parameters."""
        torch.autograd.backward(self._scaler.scale(loss))

    def step(self, optimizer: Optimizer) -> None:
        """Take one step of the optimizer, unless the gradients overflowed."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def tolerates_overflow(self) -> bool:
        """Whether a loss that is not finite means no more than a step that the scaler skips."""
        return self.scales and self._scaler.get_scale() >= _LEAST_SCALE

    def has_left_out_all(self, n_steps: int) -> bool:
        """Whether each of the first `n_steps` of a training was left out, so that none of them changed a weight.

        Each step left out halves the scale, and nothing else lowers it; so nobody has to count, or wait for a GPU.
        """
        return self.scales and n_steps > 0 and self._scaler.get_scale() <= self._first_scale * _BACKOFF**n_steps

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint; empty unless the precision is fp16."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state in a checkpoint, which may be of another precision."""
        if self.scales and state:
            self._scaler.load_state_dict(state)
