"""The configuration of an experiment: the original's upper-case YAML keys, with units and defaults. Torch-free.

An empty key or section (`BASE:`) means the default. Keys that the original lacks are marked as extensions.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictStr,
    model_validator,
)
from pydantic_core import PydanticCustomError

from deeplab.catalog import (
    DATASET_NAMES,
    IMAGENET_WEIGHTS,
    MODEL_NAMES,
    TORCHVISION_MODELS,
    InferenceMode,
    Precision,
    StrideIn,
)
from deeplab.files import is_plain

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _number_from_text(value: object) -> object:
    """Turn text such as `1e-3`, which YAML 1.1 does not take for a number because it lacks a dot, into one."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _checked_weights(value: object) -> object:
    """Check that a value is the name of a rule or a list of numbers, in one sentence for both."""
    if value in ("inverse", "median_frequency"):
        return value
    weights = [_number_from_text(each) for each in value] if isinstance(value, list | tuple) else []
    if not any(weights) or not all(_is_weight(each) for each in weights):
        raise PydanticCustomError("class_weights", "neither a rule nor a list of weights")
    return tuple(weights)


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _plain_text(value: str) -> str:
    if not is_plain(value):
        raise PydanticCustomError("plain_text", "not one line of plain text")
    return value


# Each number has an upper bound, far above what is of use: a slip of the hand or a hostile request must not take a
# machine's memory, or start ten thousand processes.
Number = Annotated[float, Strict(), BeforeValidator(_number_from_text)]
Positive = Annotated[Number, Field(gt=0, le=1e6)]
NotNegative = Annotated[Number, Field(ge=0, le=1e6)]
Factor = Annotated[Number, Field(gt=0, le=16)]  # times which an image is enlarged
Whole = Annotated[int, Strict(), Field(ge=1, le=10_000)]
Iterations = Annotated[int, Strict(), Field(ge=1, le=1_000_000_000)]
Side = Annotated[int, Strict(), Field(ge=1, le=32_768)]  # pixels
ClassWeights = Annotated[Literal["inverse", "median_frequency"] | tuple[float, ...], BeforeValidator(_checked_weights)]
Text = Annotated[StrictStr, Field(min_length=1, max_length=4096), AfterValidator(_plain_text)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200), AfterValidator(_plain_text)]


class Section(BaseModel):
    """A group of keys: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, keys: Any) -> Any:
        if keys is None:
            return {}
        if isinstance(keys, Mapping):
            return {key: value for key, value in keys.items() if value is not None}
        return keys


class Exp(Section):
    """What the run is called and where the local commands put its files."""

    ID: Name = Field("experiment", description="Name of the experiment; a folder name.")
    OUTPUT_DIR: Text = Field("data", description="Folder of models, scores and logs of the local commands.")


class Split(Section):
    """Names of the split lists."""

    TRAIN: Name = Field("train", description="Split for training.")
    VAL: Name = Field("val", description="Split for evaluation.")
    TEST: Name = Field("test", description="Split without labels.")


class Dataset(Section):
    """Where the images and masks are, and what their values mean."""

    NAME: Text = Field("folder", description=f"Layout of the files, one of: {', '.join(DATASET_NAMES)}.")
    ROOT: Text | None = Field(None, description="Folder of the dataset.")
    LABELS: Text | None = Field(
        None,
        description="File of class names, one `index<TAB>name` or `index<TAB>name<TAB>#rrggbb` per line (a colour for"
        " people to see); one that is not in the current folder is looked for beside the configuration file.",
    )
    PALETTE: Text | None = Field(
        None,
        description="File that says which colour of a mask is which class, one `class R G B` per line; looked for like"
        " LABELS. Empty: masks hold indices. (Extension.)",
    )
    N_CLASSES: Annotated[int, Strict(), Field(ge=2, le=255)] = Field(description="Number of classes.")
    IGNORE_LABEL: Annotated[int, Strict(), Field(ge=0, le=255)] = Field(
        255, description="Mask value of pixels that neither train nor count."
    )
    SCALES: Annotated[tuple[Factor, ...], Field(min_length=1, max_length=100)] = Field(
        (0.5, 0.75, 1.0, 1.25, 1.5), description="Factors from which random scaling draws in training."
    )
    SPLIT: Split = Split()
    WARP: StrictBool = Field(
        True, description="cocostuff10k: squeeze images and masks to 513x513 first, as the original does. (Extension.)"
    )
    CATEGORY_IDS: Literal["original", "contiguous"] = Field(
        "original", description="coco: classes are the categories' ids, or those in order, 1, 2, 3 ... (Extension.)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.NAME not in DATASET_NAMES:
            raise ValueError(f"NAME {self.NAME!r} is not a known dataset; valid names: {', '.join(DATASET_NAMES)}")
        if self.IGNORE_LABEL < self.N_CLASSES:
            raise ValueError(
                f"IGNORE_LABEL {self.IGNORE_LABEL} is also a class, because N_CLASSES is {self.N_CLASSES}; in your"
                f" masks, write 255 for pixels without a class and number the classes 0 to {self.N_CLASSES - 1}"
            )
        if self.PALETTE is not None and self.NAME in ("coco", "cocostuff10k"):
            raise ValueError(f"PALETTE is for layouts whose masks are image files, and those of {self.NAME} are not")
        return self


class Dataloader(Section):
    """How samples are read."""

    NUM_WORKERS: Annotated[int, Strict(), Field(ge=0, le=128)] = Field(
        0,
        description="Processes that read and augment images, at most four for each core of the machine; 0: the training"
        " process does it.",
    )


class Mean(Section):
    """What is subtracted from the image, per channel, in 0..255."""

    R: Number = Field(122.675, description="Mean of red.")
    G: Number = Field(116.669, description="Mean of green.")
    B: Number = Field(104.008, description="Mean of blue.")


class Size(Section):
    """Image sizes in pixels."""

    BASE: Side | None = Field(None, description="Longer side before random scaling; empty keeps the image's own.")
    TRAIN: Annotated[int, Strict(), Field(ge=1, le=8192)] = Field(321, description="Side of the square training crop.")
    TEST: Side = Field(
        513,
        description="Longer side to which `single` and `live` resize an image, unless INFERENCE.MODE is `slide`;"
        " `train`, `test` and `segment` ignore it.",
    )


class Augment(Section):
    """What else training changes at random, beside scale, crop and flip; the original has none of these keys."""

    BRIGHTNESS: NotNegative = Field(
        0.0, description="Brightness: times a factor from 1 - BRIGHTNESS to 1 + BRIGHTNESS. (Extension.)"
    )
    CONTRAST: NotNegative = Field(0.0, description="Contrast: a factor likewise. (Extension.)")
    SATURATION: NotNegative = Field(0.0, description="Saturation: a factor likewise. (Extension.)")
    HUE: Annotated[Number, Field(ge=0, le=0.5)] = Field(
        0.0, description="Largest turn of the hues, in circles; 0.5 reaches the opposite colours. (Extension.)"
    )
    ROTATION: Annotated[Number, Field(ge=0, le=180)] = Field(
        0.0, description="Largest rotation, degrees, in both directions. (Extension.)"
    )
    BLUR_P: Annotated[Number, Field(ge=0, le=1)] = Field(0.0, description="Probability of Gaussian blur. (Extension.)")
    BLUR_SIGMA: Positive = Field(2.0, description="Largest standard deviation of the blur, pixels. (Extension.)")


class Image(Section):
    """How an image becomes the model's input."""

    MEAN: Mean = Mean()
    SIZE: Size = Size()
    AUGMENT: Augment = Augment()
    BANDS: Annotated[tuple[Whole, ...], Field(max_length=1000)] | None = Field(
        None,
        description="Bands of the image files that are red, green and blue, or the one that is grey, from 1 on; empty:"
        " as the files say. (Extension.)",
    )
    MAX_PIXELS: Annotated[int, Strict(), Field(ge=1, le=1_000_000_000_000)] = Field(
        2_000_000_000,
        description="`segment`: pixels of the largest image; a larger one is a row with an error. (Extension.)",
    )
    RANGE: tuple[Number, Number] | None = Field(
        None,
        description="The numbers of the image files that become black and white, such as [0, 4095]; empty: as the"
        " files say. (Extension.)",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.BANDS is not None and len(self.BANDS) not in (1, 3):
            raise ValueError(f"BANDS must list 1 band or 3, got {len(self.BANDS)}")
        if self.RANGE is not None and self.RANGE[0] >= self.RANGE[1]:
            raise ValueError(f"RANGE must list a lower and a higher number, got {list(self.RANGE)}")
        return self


class Model(Section):
    """Which model."""

    NAME: Text = Field("DeepLabV2_ResNet101_MSC", description=f"One of: {', '.join(MODEL_NAMES)}.")
    N_BLOCKS: tuple[Annotated[int, Strict(), Field(ge=1, le=500)], ...] | None = Field(
        None, description="Blocks in layer2 .. layer5; empty: the model's own."
    )
    ATROUS_RATES: Annotated[tuple[Whole, ...], Field(min_length=1, max_length=32)] | None = Field(
        None, description="Dilations of the ASPP branches; empty: the model's own."
    )
    INIT_MODEL: Text | None = Field(None, description="Weights to start training from; empty: random.")
    WEIGHTS: Text | None = Field(
        None,
        description="Published weights by torchvision's name of them. Of torchvision's models, such as"
        " `COCO_WITH_VOC_LABELS_V1`: training starts from them, and evaluation uses them if no checkpoint is given. Of"
        " the others, `IMAGENET1K_V1` or `IMAGENET1K_V2`: training starts from torchvision's ResNet. (Extension.)",
    )
    WIDTH: Annotated[int, Strict(), Field(ge=1, le=1024)] = Field(
        64, description="Channels of the first layer, a multiple of 4; the others follow. (Extension.)"
    )
    OUTPUT_STRIDE: Literal[8, 16] | None = Field(
        None, description="Output stride of v3 and v3+; empty: 16. (Extension.)"
    )
    STRIDE_IN: StrideIn = Field(
        "1x1",
        description="Convolution of a bottleneck that has its stride: `1x1` as in the original, or `3x3` as in"
        " torchvision's ResNets, whose weights expect that. (Extension.)",
    )
    BN_MOMENTUM: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        None, description="Weight of the newest batch in the running statistics; empty: the original's. (Extension.)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.NAME not in MODEL_NAMES:
            raise ValueError(f"NAME {self.NAME!r} is not a known model; valid names: {', '.join(MODEL_NAMES)}")
        if self.N_BLOCKS is not None and len(self.N_BLOCKS) != 4:
            raise ValueError(f"N_BLOCKS must list 4 numbers, for layer2 to layer5, got {len(self.N_BLOCKS)}")
        if self.WIDTH % 4:
            raise ValueError(f"WIDTH must be a multiple of 4, got {self.WIDTH}")
        if self.WEIGHTS is not None and self.NAME not in TORCHVISION_MODELS and self.WEIGHTS not in IMAGENET_WEIGHTS:
            raise ValueError(f"WEIGHTS of {self.NAME} must be {' or '.join(IMAGENET_WEIGHTS)}, got {self.WEIGHTS!r}")
        if self.WEIGHTS is not None and self.INIT_MODEL is not None:
            raise ValueError("WEIGHTS and INIT_MODEL are two sources of the same weights; leave one empty")
        return self


class BatchSize(Section):
    """Images per forward pass."""

    TRAIN: Whole = Field(5, description="In training.")
    TEST: Whole = Field(1, description="In evaluation; only images of equal size share a batch.")


class Ohem(Section):
    """Online hard example mining: the loss counts hard pixels alone."""

    THRESHOLD: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        None,
        description="A pixel is hard if its class has a lower probability than this, such as 0.7; empty: all pixels"
        " count. (Extension.)",
    )
    MIN_KEPT: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.2, description="Share of the labelled pixels that counts in any case, the hardest first. (Extension.)"
    )


class Solver(Section):
    """How the model is trained."""

    BATCH_SIZE: BatchSize = BatchSize()
    ITER_MAX: Iterations = Field(20000, description="Length of the training, in iterations.")
    ITER_SIZE: Whole = Field(2, description="Batches whose gradients are summed into one iteration.")
    ITER_SAVE: Iterations = Field(5000, description="Iterations between checkpoints.")
    KEEP_LAST: Iterations | None = Field(
        None,
        description="Newest checkpoints to keep, beside the KEEP_BEST best and the final one; empty: all. (Extension.)",
    )
    KEEP_BEST: Iterations = Field(
        1,
        description="Checkpoints of so many of the best validations are saved, and kept beside KEEP_LAST. (Extension.)",
    )
    EVAL_EVERY: Iterations | None = Field(
        None,
        description="Iterations between validations on DATASET.SPLIT.VAL; the checkpoints with the best mean IoU"
        " are kept (KEEP_BEST). The final model is validated too; empty: never. (Extension.)",
    )
    PATIENCE: Iterations | None = Field(
        None,
        description="Validations in a row without a better mean IoU after which the training ends early; needs"
        " EVAL_EVERY; empty: it never does. (Extension.)",
    )
    ITER_TB: Iterations = Field(100, description="Iterations between metrics.")
    LR_DECAY: Iterations = Field(10, description="Iterations between steps of the learning rate.")
    LR: Positive = Field(2.5e-4, description="Learning rate of the backbone; the head's is 10x, its biases' 20x.")
    MOMENTUM: Annotated[Number, Field(ge=0, lt=1)] = Field(0.9, description="Momentum of sgd, beta1 of adamw.")
    OPTIMIZER: Literal["sgd", "adamw"] = Field("sgd", description="`sgd` as the original, or `adamw`.")
    POLY_POWER: NotNegative = Field(0.9, description="Exponent of the decay (1 - iteration / ITER_MAX) ** POLY_POWER.")
    WARMUP: Annotated[int, Strict(), Field(ge=0, le=1_000_000_000)] = Field(
        0, description="Iterations at the start over which the learning rates grow linearly from 0. (Extension.)"
    )
    WEIGHT_DECAY: NotNegative = Field(5e-4, description="Weight decay of weights; biases have none.")
    AVERAGE_LOSS: Iterations = Field(20, description="Iterations over which the reported loss is averaged.")
    FREEZE_BN: StrictBool = Field(
        True, description="Keep batch norm as it was initialised; set false to train from random weights. (Extension.)"
    )
    CLASS_WEIGHTS: ClassWeights | None = Field(
        None,
        description="Weights of the classes in the loss: `inverse` or `median_frequency` of the training split's"
        " pixels, or a list of N_CLASSES numbers; empty: all count alike. (Extension.)",
    )
    OHEM: Ohem = Ohem()
    LABEL_SMOOTHING: Annotated[Number, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of each label that is spread evenly over all classes. (Extension.)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.PATIENCE is not None and self.EVAL_EVERY is None:
            raise ValueError("PATIENCE counts validations; set EVAL_EVERY too")
        if self.WARMUP >= self.ITER_MAX:
            raise ValueError(f"WARMUP must be less than ITER_MAX, {self.ITER_MAX}, got {self.WARMUP}")
        return self


class Inference(Section):
    """How `test`, `segment`, `single` and `live` look at an image; the original has none of these keys."""

    MODE: InferenceMode = Field(
        "whole", description="`whole` runs the model once on the image, `slide` on windows of it. (Extension.)"
    )
    WINDOW: Annotated[int, Strict(), Field(ge=16, le=32_768)] = Field(
        513, description="slide: side of the square windows, pixels. (Extension.)"
    )
    STRIDE: Side | None = Field(
        None, description="slide: pixels from one window to the next; empty: two thirds of WINDOW. (Extension.)"
    )
    BLEND: Literal["gaussian", "flat"] = Field(
        "gaussian",
        description="slide: weights where windows overlap: largest in a window's centre, or all alike. (Extension.)",
    )
    SCALES: Annotated[tuple[Factor, ...], Field(min_length=1, max_length=32)] = Field(
        (1.0,), description="Enlarge or shrink what the model sees by each factor and average the probs. (Extension.)"
    )
    FLIP: StrictBool = Field(False, description="Look at the mirror image too and average the probs. (Extension.)")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.STRIDE is not None and self.STRIDE > self.WINDOW:
            raise ValueError(f"STRIDE {self.STRIDE} leaves gaps between windows of {self.WINDOW} pixels")
        if len(set(self.SCALES)) < len(self.SCALES):
            raise ValueError("SCALES names a factor twice")
        return self

    @property
    def stride(self) -> int:
        """Pixels from one window to the next."""
        return self.STRIDE or max(1, self.WINDOW * 2 // 3)

    def conditions(self) -> dict[str, Any]:
        """The keys that decide about label maps, as JSON: those of the mode and of the averaging."""
        of_slide = {"WINDOW": self.WINDOW, "STRIDE": self.stride, "BLEND": self.BLEND} if self.MODE == "slide" else {}
        return {"MODE": self.MODE, **of_slide, "SCALES": list(self.SCALES), "FLIP": self.FLIP}


class Crf(Section):
    """The dense CRF after the model."""

    ITER_MAX: Annotated[int, Strict(), Field(ge=0, le=1000)] = Field(10, description="Mean-field iterations.")
    POS_W: NotNegative = Field(3.0, description="Weight of the smoothness kernel.")
    POS_XY_STD: Positive = Field(1.0, description="Range of the smoothness kernel, pixels.")
    BI_W: NotNegative = Field(4.0, description="Weight of the appearance kernel.")
    BI_XY_STD: Positive = Field(67.0, description="Range of the appearance kernel in space, pixels.")
    BI_RGB_STD: Positive = Field(3.0, description="Range of the appearance kernel in colour, 0..255.")
    BACKEND: Literal["auto", "numba", "torch", "pydensecrf"] = Field(
        "auto",
        description="`numba` (CPU), `torch` (GPU) or `pydensecrf`; `auto` uses a GPU if there is one. (Extension.)",
    )
    IMAGE: Literal["image", "original"] = Field(
        "image",
        description="What the CRF sees: `image`, as in the original's demo, or `original`: the image minus IMAGE.MEAN,"
        " wrapped around to 8 bits, as in the original's `main.py crf`. (Extension.)",
    )
    EXACT: StrictBool = Field(
        False, description="Include classes that are unlikely everywhere in the image; slower. (Extension.)"
    )


class Runtime(Section):
    """How the model is computed, in training and inference; the original has none of these keys."""

    PRECISION: Precision = Field(
        "fp32",
        description="Precision of the model's arithmetic; bf16 and fp16 are mixed precision, for GPUs. (Extension.)",
    )
    CHANNELS_LAST: StrictBool = Field(
        False,
        description="Train with the channels of a pixel adjacent in memory, which suits bf16 and fp16;"
        " inference always does. (Extension.)",
    )
    COMPILE: StrictBool = Field(
        False,
        description="Compile the model with torch.compile: slow to start, faster afterwards. (Extension.)",
    )


class Config(Section):
    """The configuration of an experiment."""

    EXP: Exp = Exp()
    DATASET: Dataset
    DATALOADER: Dataloader = Dataloader()
    IMAGE: Image = Image()
    MODEL: Model = Model()
    SOLVER: Solver = Solver()
    INFERENCE: Inference = Inference()
    CRF: Crf = Crf()
    RUNTIME: Runtime = Runtime()

    @model_validator(mode="after")
    def _check(self) -> Self:
        weights, n_classes = self.SOLVER.CLASS_WEIGHTS, self.DATASET.N_CLASSES
        if isinstance(weights, tuple) and len(weights) != n_classes:
            raise ValueError(f"SOLVER.CLASS_WEIGHTS must list N_CLASSES numbers, {n_classes}, got {len(weights)}")
        pools_images = self.MODEL.NAME.lower().startswith("deeplabv3")
        if pools_images and not self.SOLVER.FREEZE_BN and self.SOLVER.BATCH_SIZE.TRAIN < 2:
            raise ValueError(
                f"SOLVER.BATCH_SIZE.TRAIN must be at least 2 for {self.MODEL.NAME} unless FREEZE_BN is true"
            )
        return self
