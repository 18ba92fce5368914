"""Write a model as an ONNX file, for runtimes without PyTorch."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import nn

from deeplab.config import Config
from deeplab.errors import ConfigError
from deeplab.files import make_folder, replace_file

_PACKAGES = ("onnx", "onnxscript")
_TRACED_SIZE = (97, 129)  # (height, width) of the image that is traced; any odd sizes do
_SMALLEST = 17  # side of an image of which the smallest scale still has a pixel in the last layers


def export_onnx(
    model: nn.Module, config: Config, class_names: Sequence[str], path: Path, *, size: tuple[int, int] | None = None
) -> None:
    """Write a model as one ONNX file: `image`, (N, 3, H, W) BGR minus mean -> `logits`, as the model's own.

    The metadata of the file hold `labels`, the class names, and `mean_bgr`, each as JSON.

    Args:
        model: of the config; is put in evaluation mode and stays on its device.
        config: IMAGE.MEAN is read.
        class_names: of the C classes.
        path: of the file; missing folders are made.
        size: (height, width): the file takes one image of this size at a time; None leaves N, H and W open.

    Raises:
        ConfigError: if the size is not positive, or the packages that this takes are not installed.
        OutputError: if the file cannot be written; it is there whole or not at all.
    """
    absent = [name for name in _PACKAGES if find_spec(name) is None]
    if absent:
        raise ConfigError(f"Exporting needs {' and '.join(absent)}; the extra deeplab-platform[export] brings them.")
    if size is not None and min(size) < 1:
        raise ConfigError(f"The size of the image must be positive, got {size[0]}x{size[1]}.")
    parameter = next(model.parameters())
    image = torch.zeros(1 if size else 2, 3, *(size or _TRACED_SIZE), device=parameter.device)
    sides = {0: torch.export.Dim("batch"), 2: torch.export.Dim("height", min=_SMALLEST)}
    sides[3] = torch.export.Dim("width", min=_SMALLEST)
    program = cast(  # only the exporter before dynamo's returns nothing
        torch.onnx.ONNXProgram,
        torch.onnx.export(
            model.eval(),
            (image,),
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=None if size else (sides,),
            dynamo=True,
            verbose=False,
        ),
    )
    mean = config.IMAGE.MEAN
    program.model.metadata_props["labels"] = json.dumps(list(class_names))
    program.model.metadata_props["mean_bgr"] = json.dumps([mean.B, mean.G, mean.R])
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(program.model_proto.SerializeToString())
