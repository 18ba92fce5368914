"""Compare an ONNX file with the model that it was made of, by running both on one image."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

from deeplab import remote
from deeplab.errors import ConfigError, DeepLabError
from deeplab.files import printable

_SIZE = (113, 161)  # (height, width): none of those that the exporter traced
_TOLERANCE = 1e-3  # of the largest logit; rounding differs between the two


class OnnxMismatchError(DeepLabError):
    """An ONNX file computes something else than its model."""


def compare_onnx(model: nn.Module, path: Path) -> float:
    """Run a model and its ONNX file on the same image of random pixels, of another size than was traced.

    Args:
        model: (N, 3, H, W) BGR minus mean -> logits; is put in evaluation mode.
        path: the file.

    Returns:
        The largest difference of a logit, as a share of the largest logit.

    Raises:
        ConfigError: if ONNX Runtime is not installed.
        OnnxMismatchError: if they differ by more than rounding.
    """
    if find_spec("onnxruntime") is None:
        raise ConfigError("Comparing needs onnxruntime; the extra deeplab-platform[export] brings it.")
    import onnxruntime

    pixels = np.random.default_rng(0).uniform(-120, 120, (1, 3, *_SIZE)).astype(np.float32)
    device = next(model.parameters()).device
    with torch.inference_mode():
        expected = model.eval()(torch.from_numpy(pixels).to(device)).float().cpu().numpy()
    session = onnxruntime.InferenceSession(str(remote.fetch(path)), providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"image": pixels})
    if found.shape != expected.shape:
        raise OnnxMismatchError(f"{printable(path)}: has logits of shape {found.shape} instead of {expected.shape}.")
    difference = float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(np.float32).tiny))
    if not difference <= _TOLERANCE:
        raise OnnxMismatchError(
            f"{printable(path)}: its logits differ from those of the model by {difference:.2g} of the largest; expected"
            f" {_TOLERANCE:g} at most."
        )
    return difference
