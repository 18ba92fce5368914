"""Read and write files of weights, and fill networks with them. Checkpoints of a training hold weights, too.

Needs nothing but PyTorch, and safetensors for files of that name.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deeplab.errors import CheckpointError
from deeplab.files import replace_file
from deeplab.formats import list_briefly, plural
from deeplab.models.parameter_names import AUXILIARY_HEAD, in_backbone

FORMAT = 1
_SAFETENSORS = ".safetensors"
_WRAPPERS = re.compile(r"^((module|_orig_mod)\.)+")


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a bare state dict, as in the original's files, or safetensors if the name ends in .safetensors.

    The file is written whole or not at all.

    Raises:
        OutputError: if the file cannot be written.
    """
    with replace_file(path) as file:
        if path.suffix == _SAFETENSORS:
            from safetensors.torch import save

            file.write(save({key: value.contiguous() for key, value in weights.items()}))
        else:
            torch.save(dict(weights), file)


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the weights from a checkpoint, a bare state dict (.pth, .pt) or a .safetensors file.

    Prefixes that DistributedDataParallel, DataParallel and torch.compile add to the keys are removed.

    Raises:
        CheckpointError: if the file cannot be read or holds something else.
    """
    content = read_checkpoint(path)
    if "format" in content and path.suffix != _SAFETENSORS:
        check_format(content, path)
        content = content.get("model")
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(each, Tensor) for each in content.values())
    ):
        raise CheckpointError(f"{path}: holds no weights; expected a mapping of names to tensors.")
    return {_WRAPPERS.sub("", str(key)): value for key, value in content.items()}


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a model with the weights of a file, all of them. Their keys may have the prefix `base.` or not.

    Raises:
        CheckpointError: if the file cannot be read, or its keys differ from the model's; the error lists them.
    """
    own = model.state_dict()
    weights = _match_base(load_state_dict(path), own)
    missing = [key for key in own if key not in weights and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in weights if key not in own and not key.startswith(AUXILIARY_HEAD)]
    reshaped = [_describe_shapes(key, weights[key], own[key]) for key in own if _differs(key, weights, own)]
    if missing or unexpected or reshaped:
        kinds = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
        raise CheckpointError(f"{path}: holds the weights of another model: {describe_differences('key', kinds)}.")
    model.load_state_dict(weights, strict=False)


def load_initial_weights(model: nn.Module, path: Path) -> list[str]:
    """Fill the backbone of a model, and whatever else fits, with the weights of a file; see `fill_backbone`."""
    return fill_backbone(model, load_state_dict(path), str(path))


def fill_backbone(model: nn.Module, weights: dict[str, Tensor], source: str) -> list[str]:
    """Fill the backbone of a model, and whatever else fits, with weights to start training from.

    As in the original, the head may differ (other classes, ASPP in place of a 1x1 convolution) and then stays as it was
    initialised; the backbone (layer1 .. layer5, or torchvision's `backbone`) must be whole.

    Args:
        model: the network.
        weights: by key, with the prefix `base.` or without.
        source: where they come from, for the error.

    Returns:
        The keys of the model that the weights did not fill.

    Raises:
        CheckpointError: if weights of the backbone are missing or have another shape; the error lists their keys.
    """
    own = model.state_dict()
    weights = _match_base(weights, own)
    fitting = {key: value for key, value in weights.items() if key in own and value.shape == own[key].shape}
    left = [key for key in own if key not in fitting and not key.endswith("num_batches_tracked")]
    backbone = [key for key in left if in_backbone(key)]
    if backbone:
        reshaped = [_describe_shapes(key, weights[key], own[key]) for key in backbone if key in weights]
        missing = [key for key in backbone if key not in weights]
        kinds = {"missing": missing, "of another shape": reshaped}
        raise CheckpointError(f"{source}: has another backbone: {describe_differences('key', kinds)}.")
    model.load_state_dict(fitting, strict=False)
    return left


def describe_differences(noun: str, names_by_kind: Mapping[str, Sequence[str]]) -> str:
    """Say what differs, for an error: "7 keys missing (a, b, c, d, e and 2 more), 1 key unexpected (f)".

    Args:
        noun: what the names are of, such as "key".
        names_by_kind: those that are missing, unexpected and so on; a kind without names is left out.
    """
    return ", ".join(
        f"{plural(len(names), noun)} {kind} ({list_briefly(names)})" for kind, names in names_by_kind.items() if names
    )


def read_checkpoint(path: Path) -> Any:
    """Read the mapping that a file holds, whatever is in it.

    Raises:
        CheckpointError: if the file is missing, damaged, of another kind or holds no mapping.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: the checkpoint {'is not a file' if path.exists() else 'does not exist'}.")
    try:
        if path.suffix == _SAFETENSORS:
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: the checkpoint cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # on a file of another kind, or half of one, torch raises nearly anything
        raise CheckpointError(
            f"{path}: is not a checkpoint, is damaged, or holds more than tensors and plain values."
        ) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: is not a checkpoint; expected a mapping, got {type(content).__name__}.")
    return content


def check_format(content: Mapping[str, Any], path: Path) -> None:
    """Require the format of checkpoints that this version reads. Raises CheckpointError if it is another."""
    if content["format"] != FORMAT:
        raise CheckpointError(f"{path}: has format {content['format']!r}; this version reads format {FORMAT}.")


def _match_base(weights: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add or remove the prefix of the multi-scale model, so that the keys match the model's own."""
    wanted = any(key.startswith("base.") for key in own)
    if wanted == any(key.startswith("base.") for key in weights):
        return weights
    return {f"base.{key}" if wanted else key.removeprefix("base."): value for key, value in weights.items()}


def _differs(key: str, weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    return key in weights and weights[key].shape != own[key].shape


def _describe_shapes(key: str, given: Tensor, expected: Tensor) -> str:
    return f"{key} is {tuple(given.shape)} instead of {tuple(expected.shape)}"
