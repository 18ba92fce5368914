import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from deeplab.errors import CheckpointError, OutputError
from deeplab.models.build import MEAN
from deeplab.models.weights.fill import load_initial_weights, load_weights
from deeplab.models.weights.state_dict import load_state_dict, save_weights
from deeplab.training.checkpoint import load_checkpoint, save_checkpoint
from tests.deeplab.checkpoints import build, equal, whole


def test_damaged_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_weights(path, build().state_dict())
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"a\.safetensors: is damaged or cut off"):
        load_state_dict(path)


def test_old_file_format(tmp_path: Path) -> None:
    source, model = build(), build()
    torch.save(source.state_dict(), tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    load_weights(model, tmp_path / "a.pth")
    assert equal(model, source.state_dict())


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
    assert load_initial_weights(again, tmp_path / "a.pth", MEAN) == []

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
        load_initial_weights(build(), tmp_path / name, MEAN)


def test_a_training_state_with_damaged_weights_is_not_resumed(tmp_path: Path) -> None:
    model = build()
    model.state_dict()["base.aspp.c0.weight"].view(-1)[3] = float("nan")
    save_checkpoint(tmp_path / "a.pth", whole(model))
    with pytest.raises(CheckpointError, match=r"1 tensor with NaN or infinity \(base"):
        load_checkpoint(tmp_path / "a.pth")


def test_a_packed_archive_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a": torch.zeros(10)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, bytes(50_000_000) if "/data/" in name else content)
    with pytest.raises(CheckpointError, match=r"a\.pth: unpacks to 50,\d{3},\d{3} bytes, far more than the file's own"):
        load_state_dict(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torch.zeros(1).expand(100_000, 100_000), "the tensor a has more numbers than the file holds"),
        (lambda: torch.sparse_coo_tensor(torch.zeros(2, 1), torch.ones(1), (10**9, 10**9)), "is damaged"),
        (lambda: torch.empty(10**12, device="meta"), "not one of plain numbers"),
        (lambda: torch.quantize_per_tensor(torch.zeros(4), 0.1, 0, torch.qint8), "is damaged"),
    ],
)
def test_tensors_made_of_nothing_are_refused(tmp_path: Path, make: Callable[[], Tensor], reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"a": make()}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=rf"a\.pth: .*{reason}"):
        load_state_dict(tmp_path / "a.pth")


def test_an_old_file_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    """Its storage is said to be of a terabyte."""
    path = tmp_path / "a.pth"
    torch.save({"a": torch.zeros(7_654_321)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    claimed = struct.pack("<i", 7_654_321)
    assert content.count(b"J" + claimed) >= 1
    path.write_bytes(content[:5000].replace(b"J" + claimed, b"J" + struct.pack("<i", 2_000_000_000)))
    with pytest.raises(CheckpointError, match=r"a\.pth: "):
        load_state_dict(path)


def test_tensors_under_several_names_count_once(tmp_path: Path) -> None:
    tensor = torch.zeros(1000)
    torch.save({f"a{number}": tensor for number in range(100)}, tmp_path / "a.pth")
    assert len(load_state_dict(tmp_path / "a.pth")) == 100
