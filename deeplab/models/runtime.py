"""The RUNTIME section applied to a network."""

import copy

import torch
from torch import nn

from deeplab.catalog import Precision
from deeplab.errors import DeepLabError
from deeplab.models.folding import fold_batch_norm
from deeplab.models.msc import MSC
from deeplab.schema import Runtime

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepare_inference(model: nn.Module, runtime: Runtime, device: torch.device) -> nn.Module:
    """A copy of a network for inference alone: batch norms folded, weights in RUNTIME.PRECISION and channels last.

    Channels last, because both CPUs and GPUs then need not rearrange what goes from one convolution to the next.

    Args:
        model: stays as it is, and where it is.
        runtime: how to compute.
        device: where the copy goes.

    Raises:
        DeepLabError: if the network is to be compiled, and this machine lacks what that takes.
    """
    network = copy.deepcopy(model).eval().requires_grad_(False)
    fold_batch_norm(network)
    network.to(device, DTYPES[runtime.PRECISION])
    network.to(memory_format=torch.channels_last)
    if runtime.COMPILE:
        compile_network(network, device, frozen=True)
    return network


def compile_network(network: nn.Module, device: torch.device, *, frozen: bool = False) -> None:
    """Compile a network in place for images of any size; the first ones take minutes.

    Of a multi-scale network only the part is compiled that runs at each scale: what surrounds it costs nothing. The
    state dict keeps its keys.

    Args:
        network: on the device.
        device: for which to compile.
        frozen: whether the weights never change, so that a CPU may keep them in the order that suits it best.

    Raises:
        DeepLabError: if this machine lacks what compiling takes.
    """
    _require_compiler(device)
    part = network.base if isinstance(network, MSC) else network
    part.compile(dynamic=True, options={"freezing": True} if frozen and device.type == "cpu" else None)


def _require_compiler(device: torch.device) -> None:
    """Compile a trifle: a missing compiler shows now, and not as a page of text at the first image."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except RuntimeError as error:
        raise DeepLabError(
            f"RUNTIME.COMPILE: torch.compile does not work on this machine; it needs a C++ compiler, such as g++, and"
            f" Python's headers ({_first_line(error)})."
        ) from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__).rstrip(".:")
