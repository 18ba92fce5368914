"""The caffemodels that DeepLab's authors released, and the models that they are converted to. Torch-free."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """One released caffemodel and the model that it was trained as."""

    model: str  # as MODEL.NAME
    n_classes: int
    prefix: str  # of the keys: that of a multi-scale model, or none
    caffemodel: Path  # where the original's scripts put it
    weights: Path  # where the original's converter writes the weights, and its configs look for them


_COCO = Path("data/models/coco/deeplabv1_resnet101/caffemodel")
_VOC = Path("data/models/voc12/deeplabv2_resnet101_msc/caffemodel")

TARGETS = {
    "coco": Target(  # the weights from which v2 is trained
        "DeepLabV1_ResNet101", 91, "", _COCO / "init.caffemodel", _COCO / "deeplabv1_resnet101-coco.pth"
    ),
    "voc12": Target(
        "DeepLabV2_ResNet101_MSC",
        21,
        "base.",
        _VOC / "train2_iter_20000.caffemodel",
        _VOC / "deeplabv2_resnet101_msc-vocaug.pth",
    ),
}
