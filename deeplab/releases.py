"""Published weights that can be downloaded. Torch-free, standard library only."""

from dataclasses import dataclass

_ORIGINAL = "https://github.com/kazuto1011/deeplab-pytorch/releases/download/v1.0/deeplabv2_resnet101_msc-"
_TORCHVISION = "https://download.pytorch.org/models/"
_CAFFE = "http://liangchiehchen.com/projects/released/deeplab_aspp_resnet101/prototxt_and_model.zip"
_IMAGENET = "ImageNet-1k, initial weights"
_V2 = "DeepLabV2_ResNet101_MSC"
_COCO_VOC = "COCO 2017, VOC's 21 classes"


@dataclass(frozen=True)
class Release:
    """A published file of weights."""

    model: str  # as MODEL.NAME
    n_classes: int
    trained_on: str
    mean_iou: float | None  # percent, without CRF, as its publisher measured it; None: initial weights
    url: str
    sha256: str | None = None  # its first digits; None: none were published
    member: str | None = None  # the file that is meant, if the address is of an archive

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


def _torchvision(stem: str, mean_iou: float) -> Release:
    model, _, sha256 = stem.partition("-")  # torchvision writes the digest into the name
    return Release(model.removesuffix("_coco"), 21, _COCO_VOC, mean_iou, f"{_TORCHVISION}{stem}.pth", sha256)


def _imagenet(stem: str) -> Release:
    model, _, sha256 = stem.partition("-")
    return Release(model.replace("resnet", "ResNet"), 1000, _IMAGENET, None, f"{_TORCHVISION}{stem}.pth", sha256)


RELEASES = {
    "voc12": Release(_V2, 21, "PASCAL VOC 2012 trainaug", 76.65, f"{_ORIGINAL}vocaug-20000.pth"),
    "cocostuff10k": Release(_V2, 182, "COCO-Stuff 10k", 34.8, f"{_ORIGINAL}cocostuff10k-20000.pth"),
    "cocostuff164k": Release(_V2, 182, "COCO-Stuff 164k", 39.1, f"{_ORIGINAL}cocostuff164k-100000.pth"),
    "deeplabv3_resnet50": _torchvision("deeplabv3_resnet50_coco-cd0a2569", 66.4),
    "deeplabv3_resnet101": _torchvision("deeplabv3_resnet101_coco-586e9e4e", 67.4),
    "deeplabv3_mobilenet_v3_large": _torchvision("deeplabv3_mobilenet_v3_large-fc3c493d", 60.3),
    "lraspp_mobilenet_v3_large": _torchvision("lraspp_mobilenet_v3_large-d234d4ea", 57.9),
    "resnet50_imagenet1k_v1": _imagenet("resnet50-0676ba61"),
    "resnet50_imagenet1k_v2": _imagenet("resnet50-11ad3fa6"),
    "resnet101_imagenet1k_v1": _imagenet("resnet101-63fe2227"),
    "resnet101_imagenet1k_v2": _imagenet("resnet101-cd907fc2"),
    "init.caffemodel": Release(
        "DeepLabV1_ResNet101", 91, "MS-COCO, initial weights", None, _CAFFE, member="init.caffemodel"
    ),
}


def imagenet_release(model: str, weights: str) -> Release:
    """Return the ResNet from which a DeepLab model starts.

    Args:
        model: MODEL.NAME, such as "DeepLabV2_ResNet101_MSC".
        weights: one of `deeplab.catalog.IMAGENET_WEIGHTS`.
    """
    backbone = model.removesuffix("_MSC").rpartition("_")[2]
    return RELEASES[f"{backbone.lower()}_{weights.lower()}"]
