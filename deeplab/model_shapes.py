"""Whether weights are those of a model, by the shapes of its landmarks: a look that needs no PyTorch.

Landmarks are the first layer, the last block of each layer and the head. A file that agrees in them can still be of
another model; one that differs is. `deeplab.models.weights.fill` has the last word.
"""

from collections.abc import Mapping

from deeplab.catalog import BACKBONES, TORCHVISION_MODELS
from deeplab.config import Config
from deeplab.weight_shapes import Shape

_DEFAULT_RATES = {"DeepLabV2": 4, "DeepLabV2S": 4, "DeepLabV3": 3, "DeepLabV3Plus": 3}  # how many
_EXPANSION = 4


def find_difference(config: Config, shapes: Mapping[str, Shape], *, head: bool = True) -> str | None:
    """Say in what weights differ from the model of a configuration; None if they seem to be its own.

    Args:
        config: MODEL and DATASET.N_CLASSES are read.
        shapes: of the tensors, by their names, which may have any prefix.
        head: whether the head must fit, too; weights to start training from have another one.
    """
    expected = backbone_landmarks(config) | (head_landmarks(config) if head else {})
    anchor = next(iter(expected))
    prefixes = [name.removesuffix(anchor) for name in shapes if f".{name}".endswith(f".{anchor}")]
    if not prefixes:
        return f"there is no {anchor}" if head else None  # a ResNet of torchvision's is renamed
    found = [_differences(expected, shapes, prefix) for prefix in prefixes]
    return None if not all(found) else found[0][0]


def count_classes(config: Config, shapes: Mapping[str, Shape]) -> int | None:
    """The number of classes that weights of such a model have; None if their head is another."""
    name, shape = next(iter(head_landmarks(config).items()))
    found = [each for key, each in shapes.items() if f".{key}".endswith(f".{name}") and each[1:] == (shape or ())[1:]]
    return found[0][0] if found else None


def backbone_landmarks(config: Config) -> dict[str, Shape | None]:
    """Shapes of the backbone by name; None: there is nothing of that name."""
    model = config.MODEL
    if model.NAME in TORCHVISION_MODELS:
        return _torchvision_backbone(model.NAME)
    n_blocks, width = model.N_BLOCKS or BACKBONES[model.NAME.removesuffix("_MSC").rpartition("_")[2]], model.WIDTH
    shapes: dict[str, Shape | None] = {"layer1.conv1.conv.weight": (width, 3, 7, 7)}
    for i, count in enumerate(n_blocks):
        inner = width * 2**i
        shapes[f"layer{i + 2}.block{count}.increase.conv.weight"] = (_EXPANSION * inner, inner, 1, 1)
        shapes[f"layer{i + 2}.block{count + 1}.increase.conv.weight"] = None
    return shapes


def head_landmarks(config: Config) -> dict[str, Shape | None]:
    """Shapes of the head by name, that of the classes first; None: there is nothing of that name."""
    model, n_classes = config.MODEL, config.DATASET.N_CLASSES
    if model.NAME in TORCHVISION_MODELS:
        return _torchvision_head(model.NAME, n_classes)
    head = model.NAME.removesuffix("_MSC").rpartition("_")[0]
    features, branch = 32 * model.WIDTH, 4 * model.WIDTH
    if head in ("", "DeepLabV1"):
        return {"fc.weight": (n_classes, features, 1, 1) if head else (n_classes, features)}
    n_rates = len(model.ATROUS_RATES or range(_DEFAULT_RATES[head]))
    if head in ("DeepLabV2", "DeepLabV2S"):
        branches: dict[str, Shape | None] = {f"aspp.c{i}.weight": (n_classes, features, 3, 3) for i in range(n_rates)}
        return branches | {f"aspp.c{n_rates}.weight": None}
    classifier = "fc2.conv3.weight" if head == "DeepLabV3Plus" else "fc2.weight"
    stages: dict[str, Shape | None] = {
        f"aspp.stages.c{i + 1}.conv.weight": (branch, features, 3, 3) for i in range(n_rates)
    }
    return {classifier: (n_classes, branch, 1, 1), **stages, f"aspp.stages.c{n_rates + 1}.conv.weight": None}


def _torchvision_backbone(name: str) -> dict[str, Shape | None]:
    if name.endswith("mobilenet_v3_large"):
        return {"backbone.0.0.weight": (16, 3, 3, 3)}
    deep = "backbone.layer3.22.conv1.weight"
    return {"backbone.conv1.weight": (64, 3, 7, 7), deep: (256, 1024, 1, 1) if name.endswith("101") else None}


def _torchvision_head(name: str, n_classes: int) -> dict[str, Shape | None]:
    if name.startswith("lraspp"):
        return {
            "classifier.low_classifier.weight": (n_classes, 40, 1, 1),
            "classifier.high_classifier.weight": (n_classes, 128, 1, 1),
        }
    return {"classifier.4.weight": (n_classes, 256, 1, 1)}


def _differences(expected: Mapping[str, Shape | None], shapes: Mapping[str, Shape], prefix: str) -> list[str]:
    found = []
    for name, shape in expected.items():
        given = shapes.get(prefix + name)
        if given == shape:
            continue
        if given is None:
            found.append(f"there is no {name}")
        else:
            ours = "none is expected" if shape is None else f"{_spell(shape)} is expected"
            found.append(f"{name} is {_spell(given)}, and {ours}")
    return found


def _spell(shape: Shape) -> str:
    return "x".join(map(str, shape))
