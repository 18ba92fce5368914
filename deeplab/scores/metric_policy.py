"""The rules by which an evaluation scores: two evaluations under different ones are not comparable. Torch-free."""

from dataclasses import asdict, dataclass
from typing import Any

from deeplab.config import Config
from deeplab.datasets.layouts.by_name import warp_side_of
from deeplab.scores.boundaries import WIDTH


@dataclass(frozen=True)
class MetricPolicy:
    """What decides about scores beside the model and the data."""

    averaged_over: str  # which classes mean IoU and mean accuracy are means over
    absent_classes: str  # what becomes of the others
    ignored_label: int  # the value of pixels that do not count
    n_classes: int
    scored_at: str  # the size of the label maps that are compared: "image size", or pixels such as "513x513"
    boundary_width: float  # of boundary IoU, of an image's diagonal
    inference: dict[str, Any]  # how the model looks at images: mode, windows and views


def metric_policy(config: Config) -> dict[str, Any]:
    """The rules by which `evaluate` scores under a configuration, as JSON. Equal rules are equal dictionaries."""
    side = warp_side_of(config.DATASET)
    policy = MetricPolicy(
        averaged_over="classes of the ground truth",
        absent_classes="left out",
        ignored_label=config.DATASET.IGNORE_LABEL,
        n_classes=config.DATASET.N_CLASSES,
        scored_at="image size" if side is None else f"{side}x{side}",
        boundary_width=WIDTH,
        inference=config.INFERENCE.conditions(),
    )
    return asdict(policy)
