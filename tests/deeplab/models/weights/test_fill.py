from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deeplab.config import parse_config
from deeplab.errors import CheckpointError
from deeplab.models.build import MEAN, build_from_config, build_model
from deeplab.models.load import load_model
from deeplab.models.msc import MSC
from deeplab.models.weights.fill import load_initial_weights, load_weights
from deeplab.models.weights.state_dict import save_weights
from deeplab.training.checkpoint import load_checkpoint, save_checkpoint
from tests.configs import tiny_model
from tests.deeplab.checkpoints import build, equal, whole


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_bare_state_dicts_of_the_original(tmp_path: Path, prefix: str) -> None:
    source, model = build(), build()
    state = OrderedDict((prefix + key, value) for key, value in source.state_dict().items())
    torch.save(state, tmp_path / "a.pth")

    load_weights(model, tmp_path / "a.pth")

    assert equal(model, source.state_dict())


@pytest.mark.parametrize("stored", ["", "_MSC"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_safetensors(tmp_path: Path, prefix: str, stored: str) -> None:
    source, model = build(f"DeepLabV2_ResNet50{stored}"), build("DeepLabV2_ResNet50_MSC")
    path = tmp_path / "a.safetensors"
    save_weights(path, {prefix + key: value for key, value in source.state_dict().items()})

    load_weights(model, path)

    base = source.base if isinstance(source, MSC) else source
    assert equal(model, {f"base.{key}": value for key, value in base.state_dict().items()})
    with pytest.raises(CheckpointError, match="holds weights alone"):
        load_checkpoint(path)


def test_torchvisions_auxiliary_head_is_left_out(tmp_path: Path) -> None:
    source, model = build(), build()
    save_weights(tmp_path / "a.pth", {**source.state_dict(), "aux_classifier.0.weight": torch.zeros(1)})
    load_weights(model, tmp_path / "a.pth")
    assert equal(model, source.state_dict())


@pytest.mark.parametrize(("stored", "wanted"), [("", "_MSC"), ("_MSC", "")])
def test_the_multi_scale_prefix_may_be_there_or_not(tmp_path: Path, stored: str, wanted: str) -> None:
    source, model = build(f"DeepLabV2_ResNet50{stored}"), build(f"DeepLabV2_ResNet50{wanted}")
    torch.save(source.state_dict(), tmp_path / "a.pth")

    load_weights(model, tmp_path / "a.pth")

    assert [torch.equal(a, b) for a, b in zip(model.parameters(), source.parameters(), strict=True)].count(False) == 0


def test_counters_of_batch_norm_may_be_missing(tmp_path: Path) -> None:
    state = {key: value for key, value in build().state_dict().items() if "num_batches" not in key}
    torch.save(state, tmp_path / "a.pth")
    model = build()
    load_weights(model, tmp_path / "a.pth")
    loaded = model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())
    assert {int(value) for key, value in loaded.items() if key not in state} == {0}


def test_weights_of_another_model_are_refused_with_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    state = build(n_classes=5).state_dict()
    state["base.extra"] = torch.zeros(1)
    for key in [key for key in state if "layer5" in key and "num_batches" not in key]:
        del state[key]
    torch.save(state, path)
    model = build()
    before = {key: value.clone() for key, value in model.state_dict().items()}

    with pytest.raises(CheckpointError) as caught:
        load_weights(model, path)

    text = str(caught.value)
    assert text.startswith(
        f"{path}: holds the weights of another model: 20 keys missing (base.layer5.block1.reduce.conv"
    )
    assert "and 15 more), 1 key unexpected (base.extra), 8 keys of another shape (base.aspp.c0.weight is " in text
    assert "base.aspp.c0.weight is (5, 128, 3, 3) instead of (3, 128, 3, 3)" in text
    assert equal(model, before)


def test_initial_weights_fill_the_backbone_and_leave_another_head(tmp_path: Path) -> None:
    source, model = build("DeepLabV1_ResNet50", n_classes=91), build()
    torch.save(source.state_dict(), tmp_path / "coco.pth")
    head = {key: value.clone() for key, value in model.state_dict().items() if "aspp" in key}

    left = load_initial_weights(model, tmp_path / "coco.pth", MEAN)

    assert sorted(left) == sorted(head)
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in head.items())
    assert all(torch.equal(state[f"base.{key}"], value) for key, value in source.state_dict().items() if "layer" in key)


def test_initial_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    torch.save(build(width=8).state_dict(), tmp_path / "wide.pth")
    with pytest.raises(CheckpointError) as caught:
        load_initial_weights(build(), tmp_path / "wide.pth", MEAN)
    assert "has another backbone: " in str(caught.value)
    assert "base.layer1.conv1.conv.weight is (8, 3, 7, 7) instead of (4, 3, 7, 7)" in str(caught.value)


def test_initial_weights_where_a_whole_model_is_wanted(tmp_path: Path) -> None:
    torch.save(build("DeepLabV1_ResNet50", n_classes=91).state_dict(), tmp_path / "coco.pth")
    with pytest.raises(CheckpointError) as caught:
        load_weights(build(), tmp_path / "coco.pth")
    assert str(caught.value).endswith(
        " The backbone fits: as initial weights, train from them with MODEL.INIT_MODEL;"
        " on their own they run with configs/coco.yaml."
    )


def test_initial_weights_of_a_deeper_model_are_refused(tmp_path: Path) -> None:
    deeper = build_model("DeepLabV2_ResNet50", 3, n_blocks=(1, 1, 2, 1), width=4)
    torch.save(deeper.state_dict(), tmp_path / "deep.pth")
    with pytest.raises(CheckpointError, match=r"has another backbone: \d+ keys unexpected \(base\.layer4\.block2"):
        load_initial_weights(build(), tmp_path / "deep.pth", MEAN)


def test_a_model_that_computes_otherwise_than_in_its_training_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"DATASET": {"N_CLASSES": 3}, "MODEL": tiny_model("DeepLabV2_ResNet50")}
    trained, config = parse_config(keys, "test", ["MODEL.STRIDE_IN=3x3"]), parse_config(keys, "test")
    checkpoint = replace(whole(build_from_config(trained)), config=trained.model_dump(mode="json"))
    save_checkpoint(tmp_path / "a.pth", checkpoint)
    load_model(trained, tmp_path / "a.pth")
    assert caplog.messages == []
    load_model(config, tmp_path / "a.pth")
    assert caplog.messages == [
        f"{tmp_path / 'a.pth'}: MODEL.STRIDE_IN was 3x3 in the training and is 1x1 now, which gives other labels."
    ]
