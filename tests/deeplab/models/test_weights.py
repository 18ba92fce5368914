from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from deeplab.config import parse_config
from deeplab.errors import CheckpointError, OutputError
from deeplab.models.build import build_from_config, build_model
from deeplab.models.load import load_model
from deeplab.models.msc import MSC
from deeplab.models.weights import load_initial_weights, load_state_dict, load_weights, save_weights
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


def test_damaged_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_weights(path, build().state_dict())
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"a\.safetensors: is damaged or cut off"):
        load_state_dict(path)


def test_torchvisions_auxiliary_head_is_left_out(tmp_path: Path) -> None:
    source, model = build(), build()
    save_weights(tmp_path / "a.pth", {**source.state_dict(), "aux_classifier.0.weight": torch.zeros(1)})
    load_weights(model, tmp_path / "a.pth")
    assert equal(model, source.state_dict())


def test_old_file_format(tmp_path: Path) -> None:
    source, model = build(), build()
    torch.save(source.state_dict(), tmp_path / "a.pth", _use_new_zipfile_serialization=False)
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

    left = load_initial_weights(model, tmp_path / "coco.pth")

    assert sorted(left) == sorted(head)
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in head.items())
    assert all(torch.equal(state[f"base.{key}"], value) for key, value in source.state_dict().items() if "layer" in key)


def test_initial_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    torch.save(build(width=8).state_dict(), tmp_path / "wide.pth")
    with pytest.raises(CheckpointError) as caught:
        load_initial_weights(build(), tmp_path / "wide.pth")
    assert "has another backbone: " in str(caught.value)
    assert "base.layer1.conv1.conv.weight is (8, 3, 7, 7) instead of (4, 3, 7, 7)" in str(caught.value)


def test_a_truncated_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    save_checkpoint(path, whole(build()))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="is cut off or damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([torch.zeros(1)], "expected a mapping, got list"),
        ({}, "holds no weights"),
        ({"epoch": 3}, "holds no weights"),
        ({"format": 2, "model": {}}, "has format 2; this version reads format 1"),
    ],
)
def test_files_of_other_content(tmp_path: Path, content: object, reason: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=reason):
        load_state_dict(tmp_path / "a.pth")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="the checkpoint does not exist"):
        load_state_dict(tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match="the checkpoint is not a file"):
        load_state_dict(tmp_path)
    with pytest.raises(OutputError):
        save_checkpoint(tmp_path / "none" / "a.pth", whole(build()))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3, "best_acc": 0.5},
        lambda state: {"model": state, "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}}, "epoch": 3},
        lambda state: {"model_state": state, "metrics": {"loss": torch.tensor(0.5)}},
        lambda state: {"checkpoint": {"model_state_dict": {f"module.{key}": value for key, value in state.items()}}},
        lambda state: {"generator": state, "discriminator": {"conv.weight": torch.zeros(2)}},
        lambda state: {"state_dict": {f"net.student.{key}": value for key, value in state.items()}},
        lambda state: {"n_averaged": torch.tensor(3), **{f"module.{key}": value for key, value in state.items()}},
        lambda state: {"format": "pt", "weights": state},
    ],
)
def test_weights_within_dictionaries(tmp_path: Path, wrap: Callable[[dict[str, Tensor]], object]) -> None:
    source, model, again = build(), build(), build()
    torch.save(wrap(source.state_dict()), tmp_path / "a.pth")

    load_weights(model, tmp_path / "a.pth")
    assert load_initial_weights(again, tmp_path / "a.pth") == []

    assert equal(model, source.state_dict())
    assert equal(again, source.state_dict())


def test_the_key_of_the_weights_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    torch.save({"state_dict": build().state_dict(), "epoch": 3}, tmp_path / "a.pth")
    load_weights(build(), tmp_path / "a.pth")
    assert caplog.messages == [f"{tmp_path / 'a.pth'}: the weights are those under its key state_dict."]


def test_several_weights_that_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"model": build().state_dict(), "ema": {"student": build().state_dict()}}, path)
    with pytest.raises(CheckpointError, match=r"holds several sets of weights \(model, ema\.student\); .* --key model"):
        load_weights(build(), path)
    assert load_state_dict(path, key="ema.student").keys() == build().state_dict().keys()
    with pytest.raises(CheckpointError, match=r"no weights under the key none; it has the keys model, ema\."):
        load_state_dict(path, key="none")


def test_weights_under_another_name_than_their_kind(tmp_path: Path) -> None:
    source = build()
    save_weights(tmp_path / "a.safetensors", source.state_dict())
    (tmp_path / "a.safetensors").rename(tmp_path / "a.pth")
    torch.save(source.state_dict(), tmp_path / "b.safetensors")
    for name in ("a.pth", "b.safetensors"):
        model = build()
        load_weights(model, tmp_path / name)
        assert equal(model, source.state_dict())


def test_initial_weights_where_a_whole_model_is_wanted(tmp_path: Path) -> None:
    torch.save(build("DeepLabV1_ResNet50", n_classes=91).state_dict(), tmp_path / "coco.pth")
    with pytest.raises(CheckpointError) as caught:
        load_weights(build(), tmp_path / "coco.pth")
    assert str(caught.value).endswith(
        " The backbone fits: as initial weights, train from them with MODEL.INIT_MODEL;"
        " on their own they run with configs/coco.yaml."
    )


def test_initial_weights_of_a_deeper_network_are_refused(tmp_path: Path) -> None:
    deeper = build_model("DeepLabV2_ResNet50", 3, n_blocks=(1, 1, 2, 1), width=4)
    torch.save(deeper.state_dict(), tmp_path / "deep.pth")
    with pytest.raises(CheckpointError, match=r"has another backbone: \d+ keys unexpected \(base\.layer4\.block2"):
        load_initial_weights(build(), tmp_path / "deep.pth")


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


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path: Path, name: str, value: float) -> None:
    state = {key: tensor.clone() for key, tensor in build().state_dict().items()}
    state["base.aspp.c0.weight"].view(-1)[3] = value
    save_weights(tmp_path / name, state)

    sentence = rf"{name}: the weights are damaged: 1 tensor with NaN or infinity \(base\.aspp\.c0\.weight\)\.$"
    with pytest.raises(CheckpointError, match=sentence):
        load_weights(build(), tmp_path / name)
    with pytest.raises(CheckpointError, match=sentence):
        load_initial_weights(build(), tmp_path / name)


def test_a_training_state_with_damaged_weights_is_not_resumed(tmp_path: Path) -> None:
    model = build()
    model.state_dict()["base.aspp.c0.weight"].view(-1)[3] = float("nan")
    save_checkpoint(tmp_path / "a.pth", whole(model))
    with pytest.raises(CheckpointError, match=r"1 tensor with NaN or infinity \(base"):
        load_checkpoint(tmp_path / "a.pth")
