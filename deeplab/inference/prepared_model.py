"""A model as inference runs it: on images of equal size, under several views, as memory allows."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from deeplab.config import Config
from deeplab.errors import ConfigError, LabelError
from deeplab.models.runtime import DTYPES, prepare_inference
from deeplab.schema import Inference

_log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8] | NDArray[np.float32]  # (h, w, 3) RGB in 0..255; of warped images with fractions
Views = tuple[Tensor, ...]  # the logits of one image under each view, (C, h, w) float32 on the device


class View(NamedTuple):
    """One way of looking at an image."""

    scale: float
    flipped: bool


_AS_IT_IS = View(scale=1.0, flipped=False)


def views_of(inference: Inference) -> list[View]:
    """All scales, and with FLIP each of them mirrored too."""
    mirrored = (False, True) if inference.FLIP else (False,)
    return [View(scale, flipped) for scale in inference.SCALES for flipped in mirrored]


class PreparedModel:
    """A copy of a model on a device, in the form in which inference computes it.

    Args:
        model: (N, 3, H, W) BGR minus mean -> (N, C, h, w) logits; it stays as it is.
        config: IMAGE, INFERENCE and RUNTIME are read.
        device: where to compute.

    Raises:
        DeepLabError: if RUNTIME.COMPILE is set and nothing can be compiled.
    """

    def __init__(self, model: nn.Module, config: Config, device: torch.device) -> None:
        self.device = device
        self._config = config
        self._views = views_of(config.INFERENCE)
        self._dtype = DTYPES[config.RUNTIME.PRECISION]
        self._forward = prepare_inference(model, config.RUNTIME, device)
        mean = config.IMAGE.MEAN
        self._mean = torch.tensor([mean.B, mean.G, mean.R], device=device).view(1, 3, 1, 1)
        self._one_by_one = False

    def look(self, images: Sequence[Pixels]) -> list[Views]:
        """Run the model under every view: in one batch, or one by one if memory is short.

        Args:
            images: each (h, w, 3) RGB in 0..255, of one size.

        Raises:
            LabelError: if not even one image fits into memory.
        """
        if len(images) > 1 and not self._one_by_one:
            try:
                return self._look(images)
            except (RuntimeError, MemoryError) as error:
                _require_out_of_memory(error)
            self._one_by_one = True
            _log.warning("A batch of %d images does not fit into memory; images go one by one.", len(images))
        return [self._look_at_one(image) for image in images]

    @torch.inference_mode()
    def logits(self, images: Sequence[Pixels], view: View = _AS_IT_IS) -> Tensor:
        """Run the model on images of one size, (h, w, 3) RGB in 0..255 -> (N, C, h', w') float32."""
        pixels = self.to_device(torch.from_numpy(np.stack(images)))
        bgr = pixels.permute(0, 3, 1, 2).flip(1).float() - self._mean
        if view.scale != 1:
            size = [max(1, round(side * view.scale)) for side in bgr.shape[2:]]
            bgr = functional.interpolate(bgr, size=size, mode="bilinear", align_corners=False)
        bgr = bgr.flip(3) if view.flipped else bgr
        logits: Tensor = self._forward(bgr.to(self._dtype, memory_format=torch.channels_last))
        if logits.ndim != 4:
            raise ConfigError(f"{self._config.MODEL.NAME} classifies whole images; segmenting needs a DeepLab model.")
        return (logits.flip(3) if view.flipped else logits).float()

    def to_device(self, tensor: Tensor) -> Tensor:
        """Copy to the device; to a GPU from pinned memory, so that the copy does not block."""
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor

    def _look(self, images: Sequence[Pixels]) -> list[Views]:
        return list(zip(*(self.logits(images, view) for view in self._views), strict=True))

    def _look_at_one(self, image: Pixels) -> Views:
        try:
            return self._look([image])[0]
        except (RuntimeError, MemoryError) as error:
            _require_out_of_memory(error)
            height, width = image.shape[:2]
            slides = self._config.INFERENCE.MODE == "slide"
            what = "A window" if slides else "An image"
            remedy = "lower INFERENCE.WINDOW" if slides else "set INFERENCE.MODE to slide"
            raise LabelError(
                f"{what} of {width}x{height} pixels does not fit into the memory of {self.device}; {remedy} or run on"
                " another device."
            ) from error


def are_finite(views: Views) -> Tensor:
    """Whether all logits are numbers: a bool on the device, for which nobody waits here."""
    finite = [torch.stack(torch.aminmax(each)).isfinite().all() for each in views]
    return torch.stack(finite).all()


def no_numbers(precision: str) -> LabelError:
    """Why logits are not finite: the sentence for people."""
    if precision == "fp16":
        return LabelError(
            "The model's output is NaN or infinite: it overflows in half precision; set RUNTIME.PRECISION to bf16 or"
            " fp32."
        )
    return LabelError(
        f"The model's output is NaN or infinite in {precision}: the weights are damaged or belong to other settings;"
        " take another checkpoint."
    )


def _require_out_of_memory(error: Exception) -> None:
    """Raise any other error again; PyTorch's CPU allocator has no exception of its own."""
    if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "can't allocate memory" not in str(error):
        raise error
