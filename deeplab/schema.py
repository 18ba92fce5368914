"""The settings of one experiment: the original's upper-case YAML keys, each with its unit and default. Torch-free.

An empty key or section (`BASE:`) means the default. Keys that the original does not have say so.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StrictBool, StrictStr, model_validator

from deeplab.catalog import DATASET_NAMES, MODEL_NAMES, TORCHVISION_MODELS, Precision

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _number_from_text(value: object) -> object:
    """YAML 1.1 reads `1e-3` as text, because it lacks a dot; a number was meant."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


Number = Annotated[float, Strict(), BeforeValidator(_number_from_text)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Whole = Annotated[int, Strict(), Field(ge=1)]
WholeOrZero = Annotated[int, Strict(), Field(ge=0)]
Text = Annotated[StrictStr, Field(min_length=1)]


class Section(BaseModel):
    """A group of keys: immutable, and no key is accepted that it does not have."""

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

    ID: Text = Field("experiment", description="Name of the experiment; a folder name.")
    OUTPUT_DIR: Text = Field("data", description="Folder of models, scores and logs of the local commands.")


class Split(Section):
    """Names of the split lists."""

    TRAIN: Text = Field("train", description="Split for training.")
    VAL: Text = Field("val", description="Split for evaluation.")
    TEST: Text = Field("test", description="Split without labels.")


class Dataset(Section):
    """Where the images and masks are, and what their values mean."""

    NAME: Text = Field("folder", description=f"Layout of the files, one of: {', '.join(DATASET_NAMES)}.")
    ROOT: Text | None = Field(None, description="Folder of the data set.")
    LABELS: Text | None = Field(
        None,
        description="File of class names, one `index<TAB>name` per line; one that is not in the current folder is"
        " looked for beside the configuration file.",
    )
    N_CLASSES: Annotated[int, Strict(), Field(ge=2, le=255)] = Field(description="Number of classes.")
    IGNORE_LABEL: Annotated[int, Strict(), Field(ge=0, le=255)] = Field(
        255, description="Mask value of pixels that neither train nor count."
    )
    SCALES: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.5, 0.75, 1.0, 1.25, 1.5), description="Factors from which random scaling draws in training."
    )
    SPLIT: Split = Split()
    WARP: StrictBool = Field(
        True, description="cocostuff10k: squeeze images and masks to 513x513 first, as the original does. (Ours.)"
    )
    CATEGORY_IDS: Literal["original", "contiguous"] = Field(
        "original", description="coco: classes are the categories' ids, or those in order, 1, 2, 3 ... (Ours.)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.NAME not in DATASET_NAMES:
            raise ValueError(f"NAME {self.NAME!r} is not a known data set; valid names: {', '.join(DATASET_NAMES)}")
        if self.IGNORE_LABEL < self.N_CLASSES:
            raise ValueError(f"IGNORE_LABEL {self.IGNORE_LABEL} is also a class, because N_CLASSES is {self.N_CLASSES}")
        return self


class Dataloader(Section):
    """How samples are read."""

    NUM_WORKERS: WholeOrZero = Field(0, description="Processes that read and augment images; 0 does it in the loop.")


class Mean(Section):
    """What is subtracted from the image, per channel, in 0..255."""

    R: Number = Field(122.675, description="Mean of red.")
    G: Number = Field(116.669, description="Mean of green.")
    B: Number = Field(104.008, description="Mean of blue.")


class Size(Section):
    """Image sizes in pixels."""

    BASE: Whole | None = Field(None, description="Longer side before random scaling; empty keeps the image's own.")
    TRAIN: Whole = Field(321, description="Side of the square training crop.")
    TEST: Whole = Field(
        513,
        description="Longer side to which `single` and `live` resize an image, and to which `segment` shrinks a larger"
        " one; `train` and `test` have no use for it.",
    )


class Image(Section):
    """How an image becomes the network's input."""

    MEAN: Mean = Mean()
    SIZE: Size = Size()


class Model(Section):
    """Which network."""

    NAME: Text = Field("DeepLabV2_ResNet101_MSC", description=f"One of: {', '.join(MODEL_NAMES)}.")
    N_BLOCKS: tuple[Whole, ...] | None = Field(None, description="Blocks in layer2 .. layer5; empty: the model's own.")
    ATROUS_RATES: Annotated[tuple[Whole, ...], Field(min_length=1)] | None = Field(
        None, description="Dilations of the ASPP branches; empty: the model's own."
    )
    INIT_MODEL: Text | None = Field(None, description="Weights to start training from; empty: random.")
    WEIGHTS: Text | None = Field(
        None,
        description="Published weights of a model of torchvision's, by their name such as `COCO_WITH_VOC_LABELS_V1`;"
        " training starts from them, and evaluation uses them where no checkpoint is given. (Ours.)",
    )
    WIDTH: Whole = Field(64, description="Channels of the first layer, a multiple of 4; all others follow. (Ours.)")
    OUTPUT_STRIDE: Literal[8, 16] | None = Field(None, description="Of v3 and v3+; empty: 16. (Ours.)")
    BN_MOMENTUM: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        None, description="Weight of the newest batch in the running statistics; empty: the original's. (Ours.)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.NAME not in MODEL_NAMES:
            raise ValueError(f"NAME {self.NAME!r} is not a known model; valid names: {', '.join(MODEL_NAMES)}")
        if self.N_BLOCKS is not None and len(self.N_BLOCKS) != 4:
            raise ValueError(f"N_BLOCKS must list 4 numbers, for layer2 to layer5, got {len(self.N_BLOCKS)}")
        if self.WIDTH % 4:
            raise ValueError(f"WIDTH must be a multiple of 4, got {self.WIDTH}")
        if self.WEIGHTS is not None and self.NAME not in TORCHVISION_MODELS:
            raise ValueError(f"WEIGHTS is for torchvision's models ({', '.join(TORCHVISION_MODELS)}), not {self.NAME}")
        if self.WEIGHTS is not None and self.INIT_MODEL is not None:
            raise ValueError("WEIGHTS and INIT_MODEL are two sources of the same weights; leave one empty")
        return self


class BatchSize(Section):
    """Images per forward pass."""

    TRAIN: Whole = Field(5, description="In training.")
    TEST: Whole = Field(1, description="In evaluation; only images of equal size share a batch.")


class Solver(Section):
    """How the network is trained."""

    BATCH_SIZE: BatchSize = BatchSize()
    ITER_MAX: Whole = Field(20000, description="Length of the training, in iterations.")
    ITER_SIZE: Whole = Field(2, description="Batches whose gradients are summed into one iteration.")
    ITER_SAVE: Whole = Field(5000, description="Iterations between checkpoints.")
    KEEP_LAST: Whole | None = Field(
        None, description="Newest checkpoints that are kept, beside the best and the final one; empty: all. (Ours.)"
    )
    EVAL_EVERY: Whole | None = Field(
        None,
        description="Iterations between evaluations of DATASET.SPLIT.VAL during training, by whose mean IoU the best"
        " checkpoint is kept; the final network is evaluated too; empty: never. (Ours.)",
    )
    ITER_TB: Whole = Field(100, description="Iterations between metrics.")
    LR_DECAY: Whole = Field(10, description="Iterations between steps of the learning rate.")
    LR: Positive = Field(2.5e-4, description="Learning rate of the backbone; the head's is 10x, its biases' 20x.")
    MOMENTUM: Annotated[Number, Field(ge=0, lt=1)] = Field(0.9, description="Momentum of sgd, beta1 of adamw.")
    OPTIMIZER: Literal["sgd", "adamw"] = Field("sgd", description="`sgd` as the original, or `adamw`.")
    POLY_POWER: NotNegative = Field(0.9, description="Exponent of the decay (1 - iteration / ITER_MAX) ** POLY_POWER.")
    WEIGHT_DECAY: NotNegative = Field(5e-4, description="Of weights; biases have none.")
    AVERAGE_LOSS: Whole = Field(20, description="Iterations over which the reported loss is averaged.")
    FREEZE_BN: StrictBool = Field(
        True, description="Keep batch norm as it was initialised; set false to train from random weights. (Ours.)"
    )


class Crf(Section):
    """The dense CRF after the network."""

    ITER_MAX: WholeOrZero = Field(10, description="Mean-field iterations.")
    POS_W: NotNegative = Field(3.0, description="Weight of the smoothness kernel.")
    POS_XY_STD: Positive = Field(1.0, description="Its range, pixels.")
    BI_W: NotNegative = Field(4.0, description="Weight of the appearance kernel.")
    BI_XY_STD: Positive = Field(67.0, description="Its range in space, pixels.")
    BI_RGB_STD: Positive = Field(3.0, description="Its range in colour, 0..255.")
    BACKEND: Literal["auto", "numba", "torch", "pydensecrf"] = Field(
        "auto", description="`numba` (CPU), `torch` (GPU), `pydensecrf`; `auto` takes a GPU if any. (Ours.)"
    )
    EXACT: StrictBool = Field(
        False, description="Let classes that are unlikely in the whole image take part as well; slower. (Ours.)"
    )


class Runtime(Section):
    """How the network is computed, in training and afterwards; the original has none of these keys."""

    PRECISION: Precision = Field(
        "fp32", description="Of the network's arithmetic; bf16 and fp16 are mixed precision, for GPUs. (Ours.)"
    )
    CHANNELS_LAST: StrictBool = Field(
        False,
        description="Train with the channels of a pixel side by side in memory, which suits bf16 and fp16;"
        " inference always does. (Ours.)",
    )
    COMPILE: StrictBool = Field(
        False, description="Compile the network with torch.compile: minutes at the start, faster afterwards. (Ours.)"
    )


class Config(Section):
    """All settings of one experiment."""

    EXP: Exp = Exp()
    DATASET: Dataset
    DATALOADER: Dataloader = Dataloader()
    IMAGE: Image = Image()
    MODEL: Model = Model()
    SOLVER: Solver = Solver()
    CRF: Crf = Crf()
    RUNTIME: Runtime = Runtime()

    @model_validator(mode="after")
    def _check(self) -> Self:
        pools_images = self.MODEL.NAME.lower().startswith("deeplabv3")
        if pools_images and not self.SOLVER.FREEZE_BN and self.SOLVER.BATCH_SIZE.TRAIN < 2:
            raise ValueError(
                f"SOLVER.BATCH_SIZE.TRAIN must be at least 2 for {self.MODEL.NAME} unless FREEZE_BN is true"
            )
        return self
