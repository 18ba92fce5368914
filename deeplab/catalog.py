"""The names of models, datasets, number formats and scores, light enough for forms and config checks. Torch-free."""

from typing import Literal

BACKBONES: dict[str, tuple[int, int, int, int]] = {
    "ResNet50": (3, 4, 6, 3),  # bottleneck blocks in layer2 .. layer5
    "ResNet101": (3, 4, 23, 3),
}
SINGLE_SCALE_HEADS = ("DeepLabV1",)
HEADS = ("DeepLabV2", "DeepLabV2S", "DeepLabV3", "DeepLabV3Plus")  # each also as NAME_MSC, the multi-scale model
TORCHVISION_MODELS = (
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large",
    "lraspp_mobilenet_v3_large",
)

MODEL_NAMES: tuple[str, ...] = (
    *BACKBONES,
    *(f"{head}_{backbone}" for head in SINGLE_SCALE_HEADS + HEADS for backbone in BACKBONES),
    *(f"{head}_{backbone}_MSC" for head in HEADS for backbone in BACKBONES),
    *TORCHVISION_MODELS,
)
IMAGENET_WEIGHTS = ("IMAGENET1K_V1", "IMAGENET1K_V2")  # of torchvision's ResNets: initial weights of the others
DATASET_NAMES: tuple[str, ...] = ("folder", "voc", "vocaug", "cocostuff10k", "cocostuff164k", "coco")
LogitsDtype = Literal["float32", "float16"]  # of logits on disk
Precision = Literal["fp32", "bf16", "fp16"]  # of a model's arithmetic
InferenceMode = Literal["whole", "slide"]  # whether a model sees an image at once or window by window
VideoOutput = Literal["video", "masks"]  # what is made of a video: one with the classes' colours, or a mask per frame
StrideIn = Literal["1x1", "3x3"]  # the convolution of a bottleneck that has its stride
SCORES: dict[str, str] = {  # the summary scores of an evaluation, fractions in [0, 1], with their titles
    "mean_iou": "Mean IoU",
    "pixel_accuracy": "Pixel accuracy",
    "mean_accuracy": "Mean accuracy",
    "frequency_weighted_iou": "Frequency-weighted IoU",
}
IMAGE_SCORES: dict[str, str] = {  # those that come from single images, and only if an evaluation looks at these
    "image_mean_iou": "Mean IoU of an image",
    "worst_tenth_iou": "Mean IoU of the worst tenth",
    "boundary_iou": "Boundary IoU",
}
