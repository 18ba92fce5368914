"""The names of a model's parameters: what they say of its parts, and how files spell them."""

from collections.abc import Mapping

from torch import Tensor

AUXILIARY_HEAD = "aux_classifier."  # prefix of the second head in torchvision's files, which only their training used


def in_backbone(name: str) -> bool:
    """Whether a module or parameter lies in the backbone of its model."""
    return name.removeprefix("base.").startswith(("layer", "backbone."))  # ours is layer1 .. layer5


def match_names(weights: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
