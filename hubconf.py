"""What `torch.hub.load` offers: the original's entry point, with nothing installed but PyTorch."""

from collections.abc import Sequence

import torch

from deeplab.errors import ConfigError
from deeplab.models.build import build_model
from deeplab.models.published import fetch_release
from deeplab.models.weights.fill import load_weights
from deeplab.releases import RELEASES

dependencies = ["torch"]

_MODEL = "DeepLabV2_ResNet101_MSC"
_PRETRAINED = {name: release for name, release in RELEASES.items() if release.model == _MODEL}


def deeplabv2_resnet101(
    pretrained: str | None = None, n_classes: int | None = None, scales: Sequence[float] | None = None
) -> torch.nn.Module:
    """DeepLab v2 on a ResNet-101, on several scales: (N, 3, H, W) BGR minus mean -> (N, C, ~H / 8, ~W / 8) logits.

    Args:
        pretrained: "voc12", "cocostuff10k" or "cocostuff164k" downloads the weights that the original's author trained
            on that dataset; None leaves random ones.
        n_classes: of the logits; those of the pretrained weights, or 182, unless given.
        scales: of the smaller copies of the image; 0.5 and 0.75 unless given.

    Returns:
        The model in training mode, as torch.hub's custom is: call `eval()` for one map of logits.

    Raises:
        ConfigError: if there are no such weights, or they have another number of classes.
        CheckpointError: if they cannot be downloaded, or the file is damaged.
    """
    if not pretrained:
        return build_model(_MODEL, n_classes or 182, scales=scales)
    if pretrained not in _PRETRAINED:
        names = ", ".join(_PRETRAINED)
        raise ConfigError(f"pretrained={pretrained!r} is not a published set of weights; valid names: {names}.")
    release = _PRETRAINED[pretrained]
    if n_classes not in (None, release.n_classes):
        raise ConfigError(f"pretrained={pretrained!r} has {release.n_classes} classes, not {n_classes}.")
    model = build_model(_MODEL, release.n_classes, scales=scales)
    load_weights(model, fetch_release(release))
    return model
