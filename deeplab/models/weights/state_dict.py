"""Read and write the state dicts in files. Checkpoints of a training hold weights, too."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deeplab import remote
from deeplab.errors import CheckpointError, StorageError
from deeplab.files import printable, replace_file
from deeplab.formats import describe_differences
from deeplab.models.weights.names import match_names
from deeplab.weight_files import explain_excess, explain_unreadable, is_safetensors

_log = logging.getLogger(__name__)

FORMAT = 1
_SAFETENSORS = ".safetensors"
_WRAPPERS = re.compile(r"^((module|_orig_mod)\.)+")
_COUNTER = "n_averaged"  # of torch.optim.swa_utils.AveragedModel, beside the weights
_MANY_KEYS = 12  # so many of a file's keys does an error name


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
    return take_state_dict(read_checkpoint(path), path, own, key)


def take_state_dict(
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
    _require_plain(weights, path)
    require_finite(weights, path)
    return weights


def read_checkpoint(path: Path) -> Any:
    """Read the mapping that a file holds, whatever is in it and whatever its name ends in.

    Raises:
        CheckpointError: if the file is missing, damaged, of another kind, holds Python objects or no mapping.
    """
    if not remote.is_file(path):
        raise CheckpointError(f"{path}: the checkpoint {'is not a file' if path.exists() else 'does not exist'}.")
    try:
        if excess := explain_excess(remote.fetch(path)):
            raise CheckpointError(f"{path}: {excess}.")
        if is_safetensors(path):
            from safetensors.torch import load_file

            return load_file(path)
        with path.open("rb") as file:  # by its name torch would take it for safetensors
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (CheckpointError, StorageError):
        raise
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


def _require_plain(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors of another kind than weights are, and those that a small file makes out of nothing.

    Raises:
        CheckpointError: with the name of the first.
    """
    seen: set[int] = set()  # places of storages: tensors under several names may share one
    left = path.stat().st_size
    for key, value in weights.items():
        if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
            raise CheckpointError(f"{path}: the tensor {key} is not one of plain numbers.")
        storage = value.untyped_storage()
        left -= 0 if storage.data_ptr() in seen else storage.nbytes()
        seen.add(storage.data_ptr())
        if value.numel() * value.element_size() > storage.nbytes() or left < 0:
            raise CheckpointError(f"{path}: the tensor {key} has more numbers than the file holds.")


def _is_finite(value: Tensor) -> bool:
    if value.dtype is torch.float32 and value.numel():  # the usual; NaN is the least and the largest number, too
        value = torch.stack(torch.aminmax(value))
    return bool(value.isfinite().all())


def require_finite(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights of which some are no numbers, before they make masks. Raises CheckpointError, with their names."""
    damaged = [key for key, value in weights.items() if not _is_finite(value)]
    if damaged:
        raise CheckpointError(
            f"{path}: the weights are damaged: {describe_differences('tensor', {'with NaN or infinity': damaged})}."
        )


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
    weights = match_names({_WRAPPERS.sub("", name): value for name, value in weights.items()}, own)
    return 2 * len(own.keys() & weights.keys()) > len(own)
