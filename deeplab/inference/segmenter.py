"""Image in, label map out: what all ways to segment share."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deeplab.config import Config
from deeplab.crf.batch import refine_logits
from deeplab.crf.build import build_crf, view_of
from deeplab.datasets.class_names import class_names_of, default_class_names
from deeplab.errors import ConfigError, DeepLabError
from deeplab.images.resize import shrink_longer_side
from deeplab.inference.label_maps import label_map_of
from deeplab.models.device import choose_device
from deeplab.models.load import load_model
from deeplab.models.runtime import DTYPES, prepare_inference

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelInput:
    """An image at the size at which the model sees it, and the size that its label map will have."""

    pixels: NDArray[np.uint8]  # (h, w, 3) RGB
    height: int
    width: int


class Segmenter:
    """A model, ready to segment images of any size.

    An image whose longer side exceeds IMAGE.SIZE.TEST is shrunk to it; none is enlarged. Label maps have the size of
    the images.
    """

    def __init__(
        self,
        model: nn.Module,
        config: Config,
        class_names: Sequence[str] | None = None,
        device: str | torch.device = "auto",
        *,
        crf: bool = False,
    ) -> None:
        """Copy the model to the device in the form in which inference computes it; the model itself stays as it is.

        Args:
            model: (N, 3, H, W) BGR minus mean -> (N, C, h, w) logits.
            config: IMAGE, RUNTIME and CRF are read, and DATASET and MODEL for `settings`.
            class_names: of the C classes; None: `default_class_names`.
            device: "auto", "cpu", "cuda" or "cuda:1".
            crf: refine the probs of each image with the CRF, at the size at which the model sees the image.

        Raises:
            DeepLabError: if there is no such device, or RUNTIME.COMPILE is set and nothing can be compiled.
            CrfError: if the backend of the CRF is not available.
        """
        self.config = config
        self.class_names = list(class_names or default_class_names(config.DATASET.N_CLASSES))
        self.device = choose_device(str(device))
        self.model = model
        self._dtype = DTYPES[config.RUNTIME.PRECISION]
        self._forward = prepare_inference(model, config.RUNTIME, self.device)
        mean = config.IMAGE.MEAN
        self._mean = torch.tensor([mean.B, mean.G, mean.R], device=self.device).view(1, 3, 1, 1)
        self._one_by_one = False
        self._crf = build_crf(config.CRF, device=str(self.device)) if crf else None

    @classmethod
    def from_checkpoint(cls, config: Config, path: Path | None, device: str = "auto", *, crf: bool = False) -> Self:
        """Build the model of the config with the weights of a file, or without one those of MODEL.WEIGHTS.

        Raises:
            CheckpointError, ConfigError: as `load_model`.
            CrfError: if the backend of the CRF is not available.
            DatasetError: if DATASET.LABELS is set and does not name the classes.
        """
        class_names = class_names_of(config.DATASET)
        return cls(load_model(config, path), config, class_names, device, crf=crf)

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        """Predict label maps; images of equal model input size share a forward pass.

        Args:
            images: each (H, W, 3) uint8 RGB, of any size.

        Returns:
            An (H, W) uint8 label map per image.
        """
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        inputs = [self.prepare(image) for image in images]
        for index, each in enumerate(inputs):
            groups[each.pixels.shape].append(index)
        label_maps: dict[int, NDArray[np.uint8]] = {}
        for indices in groups.values():
            label_maps.update(zip(indices, self.predict_prepared([inputs[index] for index in indices]), strict=True))
        return [label_maps[index] for index in range(len(images))]

    def prepare(self, image: NDArray[np.uint8]) -> ModelInput:
        """Shrink an image, (H, W, 3) uint8 RGB, for the model. May be called from any thread."""
        return ModelInput(shrink_longer_side(image, self.config.IMAGE.SIZE.TEST), *image.shape[:2])

    def predict_prepared(self, batch: Sequence[ModelInput]) -> list[NDArray[np.uint8]]:
        """Predict label maps of prepared images of equal size in one forward pass, or one by one if memory is short.

        With a CRF its refined probs are upsampled, in place of the logits.

        Raises:
            DeepLabError: if not even one image fits into memory.
        """
        logits = self._logits_of(batch)
        logits_or_probs: Iterable[Tensor] = logits  # (C, h, w) of each image
        if self._crf is not None:
            logits_or_probs = refine_logits(self._crf, [each.pixels for each in batch], logits, view_of(self.config))
        return [
            label_map_of(each, image.height, image.width) for each, image in zip(logits_or_probs, batch, strict=True)
        ]

    @torch.inference_mode()
    def logits(self, batch: Sequence[NDArray[np.uint8] | NDArray[np.float32]]) -> Tensor:
        """Run the model on images of equal size as they are: (h, w, 3) RGB in 0..255 -> (N, C, h', w') float32."""
        pixels = self.to_device(torch.from_numpy(np.stack(batch)))
        bgr = pixels.permute(0, 3, 1, 2).flip(1).float() - self._mean
        logits: Tensor = self._forward(bgr.to(self._dtype, memory_format=torch.channels_last))
        if logits.ndim != 4:
            raise ConfigError(f"{self.config.MODEL.NAME} classifies whole images; segmenting needs a DeepLab model.")
        return logits.float()

    def settings(self) -> dict[str, object]:
        """Everything that decides about the label maps, for run.json: equal settings give equal masks."""
        mean, dataset = self.config.IMAGE.MEAN, self.config.DATASET
        return {
            "model": self.config.MODEL.NAME,
            "n_classes": dataset.N_CLASSES,
            "labels": self.class_names,  # the key in the run.json of earlier runs
            "mean": [mean.R, mean.G, mean.B],
            "size": self.config.IMAGE.SIZE.TEST,
            "precision": self.config.RUNTIME.PRECISION,
            "crf": self._crf_settings() if self._crf else None,
            "weights": _digest(self.model),
            **self._unusual_settings(),
        }

    def _crf_settings(self) -> dict[str, object]:
        # As run.json of earlier versions has them, which had no choice of the image.
        unchanged = {"IMAGE"} if self.config.CRF.IMAGE == "image" else set()
        return self.config.CRF.model_dump(exclude={"BACKEND"} | unchanged)

    def _unusual_settings(self) -> dict[str, object]:
        # Not in run.json of earlier versions either.
        stride_in = self.config.MODEL.STRIDE_IN
        return {} if stride_in == "1x1" else {"stride_in": stride_in}

    def to_device(self, tensor: Tensor) -> Tensor:
        """Copy to the device; to a GPU from pinned memory, so that the copy does not block."""
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor

    def _logits_of(self, batch: Sequence[ModelInput]) -> list[Tensor]:
        if len(batch) > 1 and not self._one_by_one:
            try:
                return list(self.logits([each.pixels for each in batch]))
            except (RuntimeError, MemoryError) as error:
                _require_out_of_memory(error)
            self._one_by_one = True
            _log.warning("A batch of %d images does not fit into memory; images go one by one from now on.", len(batch))
        return [self._logits_of_one(each.pixels) for each in batch]

    def _logits_of_one(self, pixels: NDArray[np.uint8]) -> Tensor:
        try:
            return self.logits([pixels])[0]
        except (RuntimeError, MemoryError) as error:
            _require_out_of_memory(error)
            height, width = pixels.shape[:2]
            raise DeepLabError(
                f"An image of {width}x{height} pixels does not fit into the memory of {self.device}; lower"
                " IMAGE.SIZE.TEST or run on another device."
            ) from error


def _require_out_of_memory(error: Exception) -> None:
    """Raise any other error again; PyTorch's CPU allocator has no exception of its own."""
    if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "can't allocate memory" not in str(error):
        raise error


def _digest(model: nn.Module) -> str:
    """Hash all weights; equal weights have equal hashes, whatever file they came from."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
