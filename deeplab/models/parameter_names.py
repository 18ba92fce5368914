"""What the name of a model's parameter says about its place in the model."""

AUXILIARY_HEAD = "aux_classifier."  # prefix of the second head in torchvision's files, which only their training used


def in_backbone(name: str) -> bool:
    """Whether a module or parameter lies in the backbone of its model."""
    return name.removeprefix("base.").startswith(("layer", "backbone."))  # ours is layer1 .. layer5
