"""torchvision's segmentation models with our interface: BGR minus mean in 0..255 -> logits.

Only this module imports torchvision, so that the other models need nothing but PyTorch.
"""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model, get_model_weights

from deeplab.errors import CheckpointError, ConfigError
from deeplab.models.weights.imagenet import normalisation
from deeplab.models.weights.names import AUXILIARY_HEAD


class TorchvisionModel(nn.Module):
    """A backbone and a classifier from torchvision, whose keys in the state dict it keeps."""

    scale: Tensor
    shift: Tensor

    def __init__(self, backbone: nn.Module, classifier: nn.Module, mean: Sequence[float]) -> None:
        """Take over the parts of a torchvision model.

        Args:
            backbone: image -> feature maps by name.
            classifier: the map "out" -> logits; LRASPP's takes all maps.
            mean: blue, green and red that were subtracted from the image, 0..255.
        """
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        std, shift = (each.view(1, 3, 1, 1) for each in normalisation(mean))
        self.register_buffer("scale", 1 / std, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) BGR minus mean -> (N, C, H, W) logits, enlarged to the input's size as torchvision does."""
        features = self.backbone(x.flip(1) * self.scale + self.shift)
        logits = self.classifier(features.get("out", features))
        return functional.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)


def build_torchvision_model(name: str, n_classes: int, mean: Sequence[float]) -> TorchvisionModel:
    """Build one of `deeplab.catalog.TORCHVISION_MODELS` with random weights. `mean` as of `TorchvisionModel`."""
    model = cast(Any, get_model(name, weights=None, weights_backbone=None, num_classes=n_classes))
    return TorchvisionModel(model.backbone, model.classifier, mean)


def fetch_weights(name: str, weights: str) -> dict[str, Tensor]:
    """Fetch published weights of a torchvision model, from torch.hub's folder of downloads or else the internet.

    Args:
        name: one of `deeplab.catalog.TORCHVISION_MODELS`.
        weights: their name in torchvision, such as "COCO_WITH_VOC_LABELS_V1" or "DEFAULT".

    Raises:
        ConfigError: if torchvision has no such weights.
        CheckpointError: if they cannot be downloaded, or their hash is wrong.
    """
    published = get_model_weights(name).__members__
    if weights not in published:
        names = ", ".join(published)
        raise ConfigError(f"{weights!r} is not a name of torchvision's weights for {name}; valid names: {names}.")
    try:
        with redirect_stdout(sys.stderr):  # torch.hub prints the progress of downloads
            content = published[weights].get_state_dict(
                progress=sys.stderr.isatty(), check_hash=True, map_location="cpu", weights_only=True
            )
    except (OSError, RuntimeError) as error:  # RuntimeError: the hash differs
        reason = getattr(error, "reason", error)
        raise CheckpointError(
            f"{name}: the weights {weights} are not available from {published[weights].url} ({reason}); a copy of that"
            f" file in {Path(torch.hub.get_dir()) / 'checkpoints'} also works."
        ) from error
    return {key: value for key, value in content.items() if not key.startswith(AUXILIARY_HEAD)}
