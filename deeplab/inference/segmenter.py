"""Image in, label map out: what all ways to segment share."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deeplab.config import Config
from deeplab.crf.batch import refine_logits
from deeplab.crf.build import build_crf, view_of
from deeplab.datasets.class_colours import class_colours_of
from deeplab.datasets.class_names import class_names_of, default_class_names
from deeplab.densecrf import CrfError, DenseCRF
from deeplab.errors import LabelError
from deeplab.images.palette import Colours
from deeplab.images.raster import LoadedRaster, Raster, read_all
from deeplab.inference.label_maps import label_map_of
from deeplab.inference.prediction import Prediction, WholePrediction
from deeplab.inference.prepared_model import Pixels, PreparedModel, no_numbers
from deeplab.inference.slide import SlidePrediction
from deeplab.models.device import choose_device
from deeplab.models.load import load_model
from deeplab.scores.certainty import CertaintyCount, label_probs

_TOO_LARGE_FOR_CRF = (
    "The image is too large for the CRF in the GPU's memory; do without it, or set CRF.BACKEND to numba."
)

LabelMap = NDArray[np.uint8]  # (H, W)


class Segmenter:
    """A model, ready to segment images of any size, at once or by windows as INFERENCE says.

    Label maps have the size of the images.
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
            config: IMAGE, INFERENCE, RUNTIME and CRF are read, and DATASET and MODEL for `settings`.
            class_names: of the C classes; None: `default_class_names`.
            device: "auto", "cpu", "cuda" or "cuda:1".
            crf: refine the probs of each image with the CRF.

        Raises:
            DeepLabError: if there is no such device, or RUNTIME.COMPILE is set and nothing can be compiled.
            CrfError: if the backend of the CRF is not available.
        """
        self.config = config
        self.class_names = list(class_names or default_class_names(config.DATASET.N_CLASSES))
        self.device = choose_device(str(device))
        self.model = model
        self._prepared = PreparedModel(model, config, self.device)
        inference = config.INFERENCE
        self._logits_are_small = inference.MODE == "whole" and len(inference.SCALES) == 1 and not inference.FLIP
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

    @cached_property
    def class_colours(self) -> Colours:
        """The colours that the classes are shown in."""
        return class_colours_of(self.config.DATASET)

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        """Predict label maps; images of equal size share a forward pass.

        Args:
            images: each (H, W, 3) uint8 RGB, of any size.

        Returns:
            An (H, W) uint8 label map per image.

        Raises:
            LabelError: if an image cannot be labelled.
        """
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            groups[image.shape].append(index)
        label_maps: dict[int, LabelMap] = {}
        for indices in groups.values():
            for index, result in zip(indices, self.label([images[index] for index in indices]), strict=True):
                if isinstance(result, LabelError):
                    raise result
                label_maps[index] = result
        return [label_maps[index] for index in range(len(images))]

    def label(
        self, images: Sequence[NDArray[np.uint8]], certainties: Sequence[CertaintyCount | None] | None = None
    ) -> list[LabelMap | LabelError]:
        """Label images of equal size, (H, W, 3) uint8 RGB; one that cannot be labelled gives its error.

        Args:
            images: the images.
            certainties: for each image what hears of its pixels; None: nothing does.
        """
        try:
            predictions = self.predictions(images)
        except LabelError as error:  # they have one size, so none of them fits into memory
            return [error] * len(images)
        counts = certainties or [None] * len(images)
        if self._crf is None:
            return [self._label(*each) for each in zip(predictions, counts, strict=True)]
        at_once = len(images) if self._logits_are_small else 1
        groups = (slice(first, first + at_once) for first in range(0, len(images), at_once))
        return [
            result
            for group in groups
            for result in self._refine(self._crf, images[group], predictions[group], counts[group])
        ]

    def label_source(
        self,
        source: Raster,
        tick: Callable[[], None] = lambda: None,
        certainty: CertaintyCount | None = None,
    ) -> LabelMap:
        """Label one image of any size, of which only the parts are read that are looked at.

        Args:
            source: the image.
            tick: called now and then; may raise to stop.
            certainty: hears of all pixels.

        Raises:
            LabelError: if it cannot be labelled.
            ImageError: if a part of it cannot be decoded.
        """
        if self._crf is not None or not self._slides(source):
            (result,) = self.label([read_all(source)], None if certainty is None else [certainty])
            if isinstance(result, LabelError):
                raise result
            return result
        return self._finite_labels(self._slide(source, tick), certainty)

    def predictions(self, images: Sequence[Pixels], tick: Callable[[], None] = lambda: None) -> Sequence[Prediction]:
        """What the model says of images of equal size, (H, W, 3) RGB in 0..255; see `Prediction`.

        Raises:
            LabelError: if not even one image fits into memory.
        """
        sources = [LoadedRaster(image) for image in images]
        if sources and self._slides(sources[0]):
            return [self._slide(source, tick) for source in sources]
        looked = self._prepared.look(images) if images else []
        return [WholePrediction(views, *image.shape[:2]) for views, image in zip(looked, images, strict=True)]

    def logits(self, batch: Sequence[Pixels]) -> Tensor:
        """Run the model on images of equal size as they are: (h, w, 3) RGB in 0..255 -> (N, C, h', w') float32."""
        return self._prepared.logits(batch)

    def no_numbers(self) -> LabelError:
        """The error of an image of which the model says what is not finite."""
        return no_numbers(self.config.RUNTIME.PRECISION)

    def settings(self) -> dict[str, object]:
        """Everything that decides about the label maps, for run.json: equal settings give equal masks."""
        image, mean, dataset = self.config.IMAGE, self.config.IMAGE.MEAN, self.config.DATASET
        return {
            "model": self.config.MODEL.NAME,
            "n_classes": dataset.N_CLASSES,
            "labels": self.class_names,  # the key in the run.json of earlier runs
            "reading": {"BANDS": image.BANDS and list(image.BANDS), "RANGE": image.RANGE and list(image.RANGE)},
            "mean": [mean.R, mean.G, mean.B],
            "inference": self.config.INFERENCE.conditions(),
            "precision": self.config.RUNTIME.PRECISION,
            "crf": self._crf_settings() if self._crf else None,
            "weights": _digest(self.model),
            **self._geometry(),
        }

    def _crf_settings(self) -> dict[str, object]:
        # As run.json of earlier versions has them, which had no choice of the image.
        unchanged = {"IMAGE"} if self.config.CRF.IMAGE == "image" else set()
        return self.config.CRF.model_dump(exclude={"BACKEND"} | unchanged)

    def _geometry(self) -> dict[str, object]:
        # The keys of MODEL that change what a model computes and none of its weights, where they are set.
        keys = ("STRIDE_IN", "ATROUS_RATES", "OUTPUT_STRIDE")
        given = self.config.MODEL.model_dump(mode="json", include=set(keys), exclude_defaults=True)
        return {key.lower(): given[key] for key in keys if key in given}

    def to_device(self, tensor: Tensor) -> Tensor:
        """Copy to the device; to a GPU from pinned memory, so that the copy does not block."""
        return self._prepared.to_device(tensor)

    def _slides(self, image: Raster) -> bool:
        """Whether an image is looked at window by window: one window alone is the whole image."""
        inference = self.config.INFERENCE
        return inference.MODE == "slide" and max(image.height, image.width) > inference.WINDOW

    def _slide(self, source: Raster, tick: Callable[[], None]) -> SlidePrediction:
        return SlidePrediction(self._prepared, source, self.config.INFERENCE, self.config.RUNTIME.PRECISION, tick)

    def _label(self, prediction: Prediction, certainty: CertaintyCount | None) -> LabelMap | LabelError:
        try:
            return self._finite_labels(prediction, certainty)
        except LabelError as error:
            return error

    def _finite_labels(self, prediction: Prediction, certainty: CertaintyCount | None) -> LabelMap:
        labels: LabelMap = prediction.labels(certainty).cpu().numpy()
        if not bool(prediction.finite()):
            raise self.no_numbers()
        return labels

    def _refine(
        self,
        crf: DenseCRF,
        images: Sequence[NDArray[np.uint8]],
        predictions: Sequence[Prediction],
        certainties: Sequence[CertaintyCount | None],
    ) -> list[LabelMap | LabelError]:
        """Label with the CRF, as many images at a time as it takes."""
        logits: dict[int, Tensor] = {}  # by place in the batch
        results: dict[int, LabelMap | LabelError] = {}
        for place, prediction in enumerate(predictions):
            try:
                logits[place] = prediction.logits()
            except LabelError as error:
                results[place] = error
            else:
                if not bool(prediction.finite()):
                    results[place] = self.no_numbers()
                    del logits[place]
        try:
            good = [images[place] for place in logits]
            for place, probs in zip(
                list(logits), refine_logits(crf, good, list(logits.values()), view_of(self.config)), strict=True
            ):
                certainty = certainties[place]
                if certainty is None:
                    results[place] = label_map_of(probs, *images[place].shape[:2])
                else:
                    results[place] = label_probs(probs, certainty).cpu().numpy()
        except (CrfError, torch.OutOfMemoryError) as error:  # they have one size: what fails for one fails for all
            reason = str(error) if isinstance(error, CrfError) else _TOO_LARGE_FOR_CRF
            results |= {place: LabelError(reason) for place in logits if place not in results}
        return [results[place] for place in range(len(images))]


def _digest(model: nn.Module) -> str:
    """Hash all weights; equal weights have equal hashes, whatever file they came from."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
