"""Read and write files of weights, and fill networks with them. Checkpoints of a training hold weights, too.

Needs nothing but PyTorch, and safetensors for files of that name.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deeplab.errors import CheckpointError
from deeplab.files import printable, replace_file
from deeplab.formats import list_briefly, plural
from deeplab.models.build import MEAN
from deeplab.models.imagenet import from_torchvision, is_torchvision_resnet
from deeplab.models.parameter_names import AUXILIARY_HEAD, in_backbone
from deeplab.weight_files import explain_unreadable, is_safetensors

_log = logging.getLogger(__name__)

FORMAT = 1
_SAFETENSORS = ".safetensors"
_WRAPPERS = re.compile(r"^((module|_orig_mod)\.)+")
_COUNTER = "n_averaged"  # of torch.optim.swa_utils.AveragedModel, beside the weights
_MANY_KEYS = 12  # so many of a file's keys does an error name
_COCO_CLASSES = 91  # of the weights from which the original trains


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


def load_state_dict(
    path: Path, own: Mapping[str, Tensor] | None = None, *, key: str | None = None
) -> dict[str, Tensor]:
    """Read the weights from a checkpoint, a state dict (.pth, .pt) or a .safetensors file.

    A state dict may lie within a dictionary, under "state_dict", "model" or any other key. Prefixes that
    DistributedDataParallel, DataParallel and torch.compile add to the keys are removed.

    Args:
        path: the file.
        own: the state of the model to be filled, by which one of several state dicts is chosen.
        key: of the state dict to take, such as "ema" or "model.student"; None: the only one, or that which fits.

    Raises:
        CheckpointError: if the file cannot be read, holds no state dict, several that fit equally, or weights that are
            not finite.
    """
    return _take_state_dict(read_checkpoint(path), path, own, key)


def _take_state_dict(
    content: Mapping[Any, Any], path: Path, own: Mapping[str, Tensor] | None, key: str | None = None
) -> dict[str, Tensor]:
    """Take the weights from the content of a file, as `load_state_dict` does."""
    is_ours = isinstance(content.get("format"), int)
    if key is None and is_ours:
        check_format(content, path)
        key = "model"
    if key is None and _is_state_dict(content):
        found = content
    else:
        key, found = _choose(_find_state_dicts(content), own, key, content, path)
        if not is_ours:
            _log.info("%s: the weights are those under its key %s.", printable(path), key)
    weights = {_WRAPPERS.sub("", str(name)): value for name, value in found.items()}
    weights.pop(_COUNTER, None)
    require_finite(weights, path)
    return weights


def _is_state_dict(value: object) -> bool:
    """Whether it maps names to tensors, and holds at least one."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(name, str) and isinstance(each, Tensor) for name, each in value.items())
        and any(each.ndim for each in value.values())
    )


def _find_state_dicts(content: Mapping[Any, Any], prefix: str = "") -> dict[str, Mapping[str, Tensor]]:
    """All state dicts within a dictionary, by their keys; those of a dictionary within it as "model.student"."""
    found: dict[str, Mapping[str, Tensor]] = {}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Mapping) or prefix.count(".") > 2:
            continue
        if _is_state_dict(value):
            found[f"{prefix}{name}"] = value
        else:
            found |= _find_state_dicts(value, f"{prefix}{name}.")
    return found


def _choose(
    found: dict[str, Mapping[str, Tensor]],
    own: Mapping[str, Tensor] | None,
    key: str | None,
    content: Mapping[Any, Any],
    path: Path,
) -> tuple[str, Mapping[str, Tensor]]:
    """The state dict under a key, or the only one there is, or the only one that fits a model."""
    there = f"it has the keys {', '.join(map(str, list(content)[:_MANY_KEYS]))}" if content else "it is empty"
    if key is not None:
        if key not in found:
            raise CheckpointError(f"{path}: holds no weights under the key {key}; {there}.")
        return key, found[key]
    if len(found) > 1 and own is not None:
        fitting = {name: weights for name, weights in found.items() if _fits(weights, own)}
        found = fitting or found
    if not found:
        raise CheckpointError(f"{path}: holds no weights; expected a mapping of names to tensors, but {there}.")
    if len(found) > 1:
        raise CheckpointError(
            f"{path}: holds several sets of weights ({', '.join(found)}); write the one that is meant to a file of its"
            f" own: deeplab weights extract {path} --key {next(iter(found))} -o weights.pth"
        )
    return next(iter(found.items()))


def _fits(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    """Whether more than half of a model's keys are among the weights, under whatever prefix."""
    weights = _match_names({_WRAPPERS.sub("", name): value for name, value in weights.items()}, own)
    return 2 * len(own.keys() & weights.keys()) > len(own)


def load_weights(model: nn.Module, path: Path) -> dict[str, Any]:
    """Fill a model with the weights of a file, all of them. Their keys may have the prefix `base.` or not.

    Returns:
        The configuration with which a checkpoint of ours was trained; nothing of other files.

    Raises:
        CheckpointError: if the file cannot be read, or its keys differ from the model's; the error lists them.
    """
    own = model.state_dict()
    content = read_checkpoint(path)
    weights = _match_names(_take_state_dict(content, path, own), own)
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


def _hint_at_initial_weights(lacking: Sequence[str], weights: Mapping[str, Tensor]) -> str:
    """What to do with weights whose backbone is whole and whose head is another; nothing of other weights."""
    if not lacking or any(in_backbone(key) for key in lacking):
        return ""
    classifier = weights.get("fc.weight", weights.get("base.fc.weight"))
    is_coco = classifier is not None and len(classifier) == _COCO_CLASSES
    alone = "; on their own they run with configs/coco.yaml" if is_coco else ""
    return f" The backbone fits: as initial weights, train from them with MODEL.INIT_MODEL{alone}."


def load_initial_weights(model: nn.Module, path: Path, mean: Sequence[float] = MEAN) -> list[str]:
    """Fill the backbone of a model, and whatever else fits, with the weights of a file; see `fill_backbone`.

    Args:
        model: the network.
        path: weights of a DeepLab network, or of a ResNet of torchvision's, alone or within another network.
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
        model: the network.
        weights: by key, with the prefix `base.` or without.
        source: where they come from, for the error.

    Returns:
        The keys of the model that the weights did not fill.

    Raises:
        CheckpointError: if weights of the backbone are missing or have another shape; the error lists their keys.
    """
    own = model.state_dict()
    weights = _match_names(weights, own)
    fitting = {key: value for key, value in weights.items() if key in own and value.shape == own[key].shape}
    left = [key for key in own if key not in fitting and not key.endswith("num_batches_tracked")]
    backbone = [key for key in left if in_backbone(key)]
    unexpected = [key for key in weights if in_backbone(key) and key not in own]  # of a deeper network
    if backbone or unexpected:
        reshaped = [_describe_shapes(key, weights[key], own[key]) for key in backbone if key in weights]
        missing = [key for key in backbone if key not in weights]
        kinds = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
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
    """Read the mapping that a file holds, whatever is in it and whatever its name ends in.

    Raises:
        CheckpointError: if the file is missing, damaged, of another kind, holds Python objects or no mapping.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: the checkpoint {'is not a file' if path.exists() else 'does not exist'}.")
    try:
        if is_safetensors(path):
            from safetensors.torch import load_file

            return load_file(path)
        with path.open("rb") as file:  # by its name torch would take it for safetensors
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: the checkpoint cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # on a file of another kind, or half of one, torch raises nearly anything
        reason = explain_unreadable(path) or f"{path}: is damaged or cut off, or is not a checkpoint."
        raise CheckpointError(reason) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: is not a checkpoint; expected a mapping, got {type(content).__name__}.")
    return content


def check_format(content: Mapping[str, Any], path: Path) -> None:
    """Require the format of checkpoints that this version reads. Raises CheckpointError if it is another."""
    if content["format"] != FORMAT:
        raise CheckpointError(f"{path}: has format {content['format']!r}; this version reads format {FORMAT}.")


def require_finite(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights of which some are no numbers, before they make masks. Raises CheckpointError, with their names."""
    damaged = [key for key, value in weights.items() if not bool(value.isfinite().all())]
    if damaged:
        raise CheckpointError(
            f"{path}: the weights are damaged: {describe_differences('tensor', {'with NaN or infinity': damaged})}."
        )


def _match_names(weights: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights as a model's own keys are: with the prefix of the multi-scale model or without.

    Any other prefix, such as "net." or "model.student.", is taken for one if a model's first key follows it.
    """
    first = next(iter(own))
    wanted = "base." if first.startswith("base.") else ""
    anchor = f".{first.removeprefix(wanted)}"
    prefixes = [f".{key}".removesuffix(anchor)[1:] for key in weights if f".{key}".endswith(anchor)]
    if len(prefixes) == 1:
        given = f"{prefixes[0]}." if prefixes[0] else ""
    else:
        given = "base." if any(key.startswith("base.") for key in weights) else ""
    if given == wanted:
        return weights
    return {f"{wanted}{key.removeprefix(given)}": value for key, value in weights.items()}


def _differs(key: str, weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    return key in weights and weights[key].shape != own[key].shape


def _describe_shapes(key: str, given: Tensor, expected: Tensor) -> str:
    return f"{key} is {tuple(given.shape)} instead of {tuple(expected.shape)}"
