"""Apply the RUNTIME section to a model."""

import torch
from torch import nn

from deeplab.catalog import Precision
from deeplab.errors import DeepLabError
from deeplab.models.folding import folded_copy
from deeplab.models.msc import MSC
from deeplab.schema import Runtime

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepare_inference(model: nn.Module, runtime: Runtime, device: torch.device) -> nn.Module:
    """Copy a model for inference: batch norms folded, weights in RUNTIME.PRECISION and channels last.

    With channels last, neither CPUs nor GPUs need to rearrange the feature maps between convolutions.

    Args:
        model: stays unchanged, on its device.
        runtime: how to compute.
        device: of the copy.

    Raises:
        DeepLabError: if RUNTIME.COMPILE is set, and this machine cannot compile.
    """
    prepared = folded_copy(model)
    prepared.to(device, DTYPES[runtime.PRECISION])
    prepared.to(memory_format=torch.channels_last)
    if runtime.COMPILE:
        compile_model(prepared, device, frozen=True)
    return prepared


def compile_model(model: nn.Module, device: torch.device, *, frozen: bool = False) -> None:
    """Compile a model in place for images of any size; the first ones take minutes.

    Of a multi-scale model only the part that runs at each scale is compiled; the rest costs nothing. The state dict
    keeps its keys.

    Args:
        model: on the device.
        device: to compile for.
        frozen: whether the weights never change again, so that they may be laid out in the order that suits a CPU best.

    Raises:
        DeepLabError: if this machine cannot compile.
    """
    _require_compiler(device)
    part = model.base if isinstance(model, MSC) else model
    part.compile(dynamic=True, options={"freezing": True} if frozen and device.type == "cpu" else None)


def _require_compiler(device: torch.device) -> None:
    """Compile something tiny, so that a missing compiler is one sentence now, not a page of text at the first image."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except RuntimeError as error:
        raise DeepLabError(
            f"RUNTIME.COMPILE: torch.compile does not work on this machine; it needs a C++ compiler, such as g++, and"
            f" Python's headers ({_first_line(error)})."
        ) from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__).rstrip(".:")
