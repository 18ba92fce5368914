import subprocess
import sys
from typing import Any, TypedDict

import pytest
import torch

from deeplab.catalog import MODEL_NAMES, TORCHVISION_MODELS
from deeplab.config import parse_config
from deeplab.errors import ConfigError
from deeplab.models.batch_norm import batch_norms, freeze_batch_norm
from deeplab.models.build import build_from_config, build_model
from deeplab.models.msc import MSC


class Tiny(TypedDict):
    n_blocks: tuple[int, ...]
    width: int


TINY = Tiny(n_blocks=(1, 1, 1, 1), width=4)
SEGMENTERS = [name for name in MODEL_NAMES if not name.startswith("ResNet") and name not in TORCHVISION_MODELS]


def output_size(name: str, side: int) -> int:
    """Side of the logits of a square image."""
    if name.startswith("DeepLabV3Plus"):
        return side
    after_pool = side // 2 // 2 + 1  # ceil_mode
    stride = 4 if name.startswith("DeepLabV3") else 2
    return -(-after_pool // stride)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_evaluation_gives_one_map_of_logits(name: str) -> None:
    model = build_model(name, 5, **TINY).eval()

    logits = model(torch.randn(2, 3, 64, 64))

    assert logits.shape == (2, 5, output_size(name, 64), output_size(name, 64))


@pytest.mark.parametrize("name", [name for name in SEGMENTERS if name.endswith("_MSC")])
def test_training_gives_each_scale_and_the_maximum(name: str) -> None:
    model = build_model(name, 5, **TINY)
    freeze_batch_norm(model)

    full, half, three_quarters, largest = model(torch.randn(1, 3, 64, 64))

    assert [each.shape[-1] for each in (full, half, three_quarters)] == [output_size(name, s) for s in (64, 32, 48)]
    assert largest.shape == full.shape
    assert bool((largest >= full).all())


def test_the_classifier() -> None:
    model = build_model("ResNet50", 10, width=4, n_blocks=(1, 1, 1, 1))
    assert model.eval()(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_resnet50_has_its_own_blocks() -> None:
    model = build_model("DeepLabV2_ResNet50", 2, width=4)
    assert [len(list(layer.children())) for layer in list(model.children())[1:5]] == [3, 4, 6, 3]


def test_overrides() -> None:
    model = build_model(
        "DeepLabV2_ResNet101_MSC", 3, n_blocks=(1, 2, 1, 1), atrous_rates=(2, 4), width=8, scales=(0.5,)
    )

    keys = model.state_dict()
    assert isinstance(model, MSC)
    assert model.scales == (0.5,)
    assert keys["base.aspp.c1.weight"].shape == (3, 256, 3, 3)
    assert "base.aspp.c2.weight" not in keys
    assert "base.layer3.block2.reduce.conv.weight" in keys


@pytest.mark.parametrize("name", ["DeepLabV3_ResNet50", "DeepLabV3Plus_ResNet50"])
def test_output_stride_8_doubles_the_encoder_map(name: str) -> None:
    maps = []
    for stride in (16, 8):
        model = build_model(name, 3, output_stride=stride, **TINY).eval()
        model.get_submodule("fc1").register_forward_hook(lambda _module, _inputs, output: maps.append(output))
        model(torch.randn(1, 3, 64, 64))
    assert [each.shape[-1] for each in maps] == [5, 9]


def test_an_image_of_one_pixel_passes() -> None:
    model = build_model("DeepLabV2_ResNet50_MSC", 3, **TINY).eval()
    assert model(torch.randn(1, 3, 1, 1)).shape == (1, 3, 1, 1)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("DeepLabV9", {}, "'DeepLabV9' is not a known model; valid names: ResNet50, ResNet101, DeepLabV1_ResNet50"),
        ("DeepLabV1_ResNet101", {"atrous_rates": (6,)}, "has no atrous_rates"),
        ("DeepLabV2_ResNet101", {"scales": (0.5,)}, "has no scales"),
        ("DeepLabV2_ResNet101", {"output_stride": 8}, "fixed output stride"),
        ("DeepLabV3_ResNet101", {"output_stride": 4}, "must be 8 or 16, got 4"),
        ("DeepLabV3_ResNet101", {"n_blocks": (1, 1, 1, 4)}, "3 at most"),
        ("DeepLabV2_ResNet101", {"n_blocks": (1, 1)}, "4 positive numbers, got [1, 1]"),
        ("DeepLabV2_ResNet101", {"width": 6}, "multiple of 4, got 6"),
    ],
)
def test_settings_that_a_model_lacks_are_refused(name: str, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_model(name, 21, **overrides)
    assert message in str(caught.value)


def test_batch_norm_is_the_originals() -> None:
    v2 = build_model("DeepLabV2_ResNet50", 2, **TINY)
    v3 = build_model("DeepLabV3_ResNet50_MSC", 2, **TINY)
    ours = build_model("DeepLabV3_ResNet50", 2, bn_momentum=0.1, **TINY)

    assert {(norm.eps, norm.momentum) for norm in batch_norms(v2)} == {(1e-5, 0.001)}
    assert {norm.momentum for norm in batch_norms(v3)} == {0.9997}
    assert {norm.momentum for norm in batch_norms(ours)} == {0.1}


def test_frozen_batch_norm_keeps_its_statistics() -> None:
    model = build_model("DeepLabV2_ResNet50", 2, **TINY)
    before = {key: value.clone() for key, value in model.state_dict().items()}

    freeze_batch_norm(model)
    model(torch.randn(2, 3, 32, 32))

    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_aspp_weights_start_small() -> None:
    weight = build_model("DeepLabV2_ResNet50", 21, n_blocks=(1, 1, 1, 1)).get_parameter("aspp.c0.weight")
    assert weight.std().item() == pytest.approx(0.01, rel=0.02)


def test_the_config_section_builds_the_same() -> None:
    model = {"NAME": "DeepLabV3_ResNet50", "N_BLOCKS": [1, 1, 1, 2], "WIDTH": 4, "OUTPUT_STRIDE": 8, "BN_MOMENTUM": 0.1}
    built = build_from_config(parse_config({"DATASET": {"N_CLASSES": 3}, "MODEL": model}, "test"))

    expected = build_model("DeepLabV3_ResNet50", 3, n_blocks=(1, 1, 1, 2), width=4, output_stride=8)
    assert built.state_dict().keys() == expected.state_dict().keys()
    assert {norm.momentum for norm in batch_norms(built)} == {0.1}


def test_models_and_checkpoints_need_no_package_but_torch() -> None:
    code = "import sys, deeplab.models.weights; print({'pydantic', 'yaml', 'PIL'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
