"""Fill models with weights: all of them, or those from which a training starts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from deeplab.errors import CheckpointError
from deeplab.formats import describe_differences
from deeplab.models.weights.imagenet import from_torchvision, is_torchvision_resnet
from deeplab.models.weights.names import AUXILIARY_HEAD, in_backbone, match_names
from deeplab.models.weights.state_dict import load_state_dict, read_checkpoint, take_state_dict

_COCO_CLASSES = 91  # of the weights from which the original trains


def load_weights(model: nn.Module, path: Path) -> dict[str, Any]:
    """Fill a model with the weights of a file, all of them. Their keys may have the prefix `base.` or not.

    Returns:
        The configuration with which a checkpoint of ours was trained; nothing of other files.

    Raises:
        CheckpointError: if the file cannot be read, or its keys differ from the model's; the error lists them.
    """
    own = model.state_dict()
    content = read_checkpoint(path)
    weights = match_names(take_state_dict(content, path, own), own)
    missing = [key for key in own if key not in weights and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in weights if key not in own and not key.startswith(AUXILIARY_HEAD)]
    reshaped = [_describe_shapes(key, weights[key], own[key]) for key in own if _differs(key, weights, own)]
    if missing or unexpected or reshaped:
        kinds = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
        hint = _hint_at_initial_weights([*missing, *(key for key in own if _differs(key, weights, own))], weights)
        raise CheckpointError(
            f"{path}: holds the weights of another model: {describe_differences('key', kinds)}.{hint}"
        )
    model.load_state_dict(weights, strict=False)
    trained_with = content.get("config")
    return trained_with if isinstance(trained_with, dict) else {}


def load_initial_weights(model: nn.Module, path: Path, mean: Sequence[float]) -> list[str]:
    """Fill the backbone of a model, and whatever else fits, with the weights of a file; see `fill_backbone`.

    Args:
        model: whose tensors are replaced.
        path: weights of a DeepLab model, or of a ResNet of torchvision's, alone or within another model.
        mean: blue, green and red, 0..255, that are subtracted from the model's input; for a ResNet of torchvision's.
    """
    weights = load_state_dict(path, model.state_dict())
    if is_torchvision_resnet(weights) and not is_torchvision_resnet(model.state_dict()):
        weights = from_torchvision(weights, mean)
    return fill_backbone(model, weights, str(path))


def fill_backbone(model: nn.Module, weights: dict[str, Tensor], source: str) -> list[str]:
    """Fill the backbone of a model, and whatever else fits, with weights to start training from.

    As in the original, the head may differ (other classes, ASPP in place of a 1x1 convolution) and then stays as it was
    initialised; the backbone (layer1 .. layer5, or torchvision's `backbone`) must be whole.

    Args:
        model: whose tensors are replaced.
        weights: by key, with the prefix `base.` or without.
        source: where they come from, for the error.

    Returns:
        The keys of the model that the weights did not fill.

    Raises:
        CheckpointError: if weights of the backbone are missing or have another shape; the error lists their keys.
    """
    own = model.state_dict()
    weights = match_names(weights, own)
    fitting = {key: value for key, value in weights.items() if key in own and value.shape == own[key].shape}
    left = [key for key in own if key not in fitting and not key.endswith("num_batches_tracked")]
    backbone = [key for key in left if in_backbone(key)]
    unexpected = [key for key in weights if in_backbone(key) and key not in own]  # of a deeper model
    if backbone or unexpected:
        reshaped = [_describe_shapes(key, weights[key], own[key]) for key in backbone if key in weights]
        missing = [key for key in backbone if key not in weights]
        kinds = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
        raise CheckpointError(f"{source}: has another backbone: {describe_differences('key', kinds)}.")
    model.load_state_dict(fitting, strict=False)
    return left


def _hint_at_initial_weights(lacking: Sequence[str], weights: Mapping[str, Tensor]) -> str:
    """What to do with weights whose backbone is whole and whose head is another; nothing of other weights."""
    if not lacking or any(in_backbone(key) for key in lacking):
        return ""
    classifier = weights.get("fc.weight", weights.get("base.fc.weight"))
    is_coco = classifier is not None and len(classifier) == _COCO_CLASSES
    alone = "; on their own they run with configs/coco.yaml" if is_coco else ""
    return f" The backbone fits: as initial weights, train from them with MODEL.INIT_MODEL{alone}."


def _differs(key: str, weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    return key in weights and weights[key].shape != own[key].shape


def _describe_shapes(key: str, given: Tensor, expected: Tensor) -> str:
    return f"{key} is {tuple(given.shape)} instead of {tuple(expected.shape)}"
