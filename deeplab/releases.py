"""Published weights that can be downloaded. Torch-free, standard library only."""

from dataclasses import dataclass

_ORIGINAL = "https://github.com/kazuto1011/deeplab-pytorch/releases/download/v1.0/deeplabv2_resnet101_msc-"
_TORCHVISION = "https://download.pytorch.org/models/"
_V2 = "DeepLabV2_ResNet101_MSC"
_COCO_VOC = "COCO 2017, VOC's 21 classes"


@dataclass(frozen=True)
class Release:
    """A published file of weights."""

    model: str  # as MODEL.NAME
    n_classes: int
    trained_on: str
    mean_iou: float  # percent, without CRF, as its publisher measured it
    url: str
    sha256: str | None = None  # its first digits; None: none were published

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


def _torchvision(stem: str, mean_iou: float) -> Release:
    model, _, sha256 = stem.partition("-")  # torchvision writes the digest into the name
    return Release(model.removesuffix("_coco"), 21, _COCO_VOC, mean_iou, f"{_TORCHVISION}{stem}.pth", sha256)


RELEASES = {
    "voc12": Release(_V2, 21, "PASCAL VOC 2012 trainaug", 76.65, f"{_ORIGINAL}vocaug-20000.pth"),
    "cocostuff10k": Release(_V2, 182, "COCO-Stuff 10k", 34.8, f"{_ORIGINAL}cocostuff10k-20000.pth"),
    "cocostuff164k": Release(_V2, 182, "COCO-Stuff 164k", 39.1, f"{_ORIGINAL}cocostuff164k-100000.pth"),
    "deeplabv3_resnet50": _torchvision("deeplabv3_resnet50_coco-cd0a2569", 66.4),
    "deeplabv3_resnet101": _torchvision("deeplabv3_resnet101_coco-586e9e4e", 67.4),
    "deeplabv3_mobilenet_v3_large": _torchvision("deeplabv3_mobilenet_v3_large-fc3c493d", 60.3),
    "lraspp_mobilenet_v3_large": _torchvision("lraspp_mobilenet_v3_large-d234d4ea", 57.9),
}
