"""What `torch.hub.load` offers: the original's entry point, with nothing installed but PyTorch."""

from collections.abc import Sequence
from pathlib import Path

import torch

from deeplab.checkpoint import load_weights
from deeplab.errors import ConfigError
from deeplab.models import build_model
from deeplab.releases import find_release

dependencies = ["torch"]


def deeplabv2_resnet101(
    pretrained: str | None = None, n_classes: int | None = None, scales: Sequence[float] | None = None
) -> torch.nn.Module:
    """DeepLab v2 on a ResNet-101, on several scales: (N, 3, H, W) BGR minus mean -> (N, C, ~H / 8, ~W / 8) logits.

    Args:
        pretrained: "voc12", "cocostuff10k" or "cocostuff164k" downloads the weights that the original's author trained
            on that data set; None leaves random ones.
        n_classes: of the logits; those of the pretrained weights, or 182, unless given.
        scales: of the smaller copies of the image; 0.5 and 0.75 unless given.

    Returns:
        The network in training mode, as torch.hub's custom is: call `eval()` for one map of logits.

    Raises:
        ConfigError: if there are no such weights, or they have another number of classes.
    """
    if not pretrained:
        return build_model(_MODEL, n_classes or 182, scales=scales)
    release = find_release(pretrained)
    if release.model != _MODEL:
        raise ConfigError(f"pretrained={pretrained!r} is of {release.model}, not of {_MODEL}.")
    if n_classes not in (None, release.n_classes):
        raise ConfigError(f"pretrained={pretrained!r} has {release.n_classes} classes, not {n_classes}.")
    model = build_model(_MODEL, release.n_classes, scales=scales)
    load_weights(model, _download(release.url))
    return model


_MODEL = "DeepLabV2_ResNet101_MSC"


def _download(url: str) -> Path:
    """The file of an address, in torch.hub's folder; it is there already after the first time."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path))
    return path
