"""Choose the device that a model runs on."""

import torch

from deeplab.errors import DeepLabError


def choose_device(name: str = "auto") -> torch.device:
    """Choose a device by name; "auto" is a GPU if there is one, else the CPU.

    Raises:
        DeepLabError: if there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeepLabError(f"{name!r} is not a device; expected auto, cpu, cuda or cuda:NUMBER.") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeepLabError(f"There is no device {name} on this machine; run on the CPU instead.")
    return device
