from pathlib import Path

import pytest
import torch

from deeplab.catalog import MODEL_NAMES, TORCHVISION_MODELS
from deeplab.config import Config, parse_config
from deeplab.model_shapes import backbone_landmarks, count_classes, find_difference, head_landmarks
from deeplab.models.build import build_from_config
from deeplab.weight_shapes import read_shapes
from tests.configs import tiny_model


def config_of(name: str, n_classes: int = 3, **keys: object) -> Config:
    head = name.partition("_")[0]
    model = {"NAME": name} if name in TORCHVISION_MODELS else tiny_model(name)
    if head.startswith(("ResNet", "DeepLabV1")):
        del model["ATROUS_RATES"]
    return parse_config({"DATASET": {"N_CLASSES": n_classes}, "MODEL": model | keys}, "test")


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_landmarks_are_those_of_the_built_model(name: str, tmp_path: Path) -> None:
    config = config_of(name)
    with torch.device("meta"):
        state = build_from_config(config).state_dict()
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    own = {key.removeprefix("base."): shape for key, shape in shapes.items()}
    landmarks = backbone_landmarks(config) | head_landmarks(config)
    assert {key: own.get(key) for key in landmarks} == landmarks
    assert find_difference(config, shapes) is None
    assert count_classes(config_of(name, n_classes=7), shapes) == 3
    assert find_difference(config_of(name, n_classes=7), shapes) is not None


def test_what_differs_is_named() -> None:
    config = config_of("DeepLabV2_ResNet50_MSC")
    with torch.device("meta"):
        shapes = {f"module.{key}": tuple(each.shape) for key, each in build_from_config(config).state_dict().items()}
    assert find_difference(config, shapes) is None
    deeper = config_of("DeepLabV2_ResNet50_MSC", N_BLOCKS=[1, 1, 2, 1])
    assert find_difference(deeper, shapes) == "there is no layer4.block2.increase.conv.weight"
    shallow = find_difference(config_of("DeepLabV2_ResNet50_MSC", ATROUS_RATES=[1]), shapes)
    assert shallow == "aspp.c1.weight is 3x128x3x3, and none is expected"
    assert find_difference(config_of("deeplabv3_resnet50"), shapes) == "there is no backbone.conv1.weight"
    assert find_difference(config_of("DeepLabV3_ResNet50"), shapes, head=False) is None


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_shapes_are_read_without_the_numbers(suffix: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    weights, path = {"a.weight": torch.zeros(2, 3), "b": torch.zeros(())}, tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": weights, "epoch": 3, "seed": torch.Size([1])}, path)
    else:
        save_file(weights, path)
    prefix = "state_dict." if suffix == ".pth" else ""
    assert read_shapes(path) == {f"{prefix}a.weight": (2, 3), f"{prefix}b": ()}


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[attr-defined]


def test_a_file_runs_nothing(tmp_path: Path) -> None:
    harmful = Harmful()
    harmful.path = tmp_path / "touched"  # type: ignore[attr-defined]
    torch.save({"a": torch.zeros(1), "b": harmful}, tmp_path / "harmful.pth")
    assert read_shapes(tmp_path / "harmful.pth") == {"a": (1,)}
    assert not (tmp_path / "touched").exists()
    for name, content in (("half.pth", (tmp_path / "harmful.pth").read_bytes()[:300]), ("text.pth", b"text")):
        (tmp_path / name).write_bytes(content)
        assert read_shapes(tmp_path / name) == {}
