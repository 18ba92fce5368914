"""Copies out of a GPU's memory for which nobody waits until they are read."""

from collections.abc import Mapping

import torch
from torch import Tensor


class Transfer:
    """A copy of tensors to the computer's memory, which is under way.

    To read a tensor of a GPU directly waits for all work queued there until then, and not only for what made it.

    Args:
        tensors: by name, on any devices, of which at most one is a GPU; those in the computer's memory are not copied.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        # From a GPU to pinned memory.
        self._copies = {name: each.to("cpu", non_blocking=True) for name, each in tensors.items()}
        devices = {each.device for each in tensors.values() if each.is_cuda}
        self._end = torch.cuda.current_stream(devices.pop()).record_event() if devices else None

    def arrived(self) -> Mapping[str, Tensor]:
        """The tensors in the computer's memory; waits for the copy's end."""
        if self._end is not None:
            self._end.synchronize()
        return self._copies
