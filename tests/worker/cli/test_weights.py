import json
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deeplab.convert.targets import TARGETS
from deeplab.releases import RELEASES
from tests.file_server import serve_files
from tests.worker.cli.conftest import Deeplab

NAME = "lraspp_mobilenet_v3_large"
CONTENT = bytes(range(256)) * 8192  # 2 MiB


def test_list(deeplab: Deeplab) -> None:
    table, listed = deeplab("weights", "list"), json.loads(deeplab("weights", "list", "--json").output)

    assert table.exit_code == 0
    assert len(table.output.splitlines()) == 1 + len(RELEASES)
    assert [each["name"] for each in listed] == list(RELEASES)
    assert listed[0]["n_classes"] == 21
    assert listed[0]["url"].endswith("/v1.0/deeplabv2_resnet101_msc-vocaug-20000.pth")


def test_a_download_goes_where_torch_hub_looks(
    deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    served = tmp_path / "served"
    served.mkdir()
    (served / "voc12.pth").write_bytes(CONTENT)
    with serve_files(served) as server:
        server.break_after = [2**20]
        result = deeplab("weights", "download", "voc12", "--url", f"{server.url}/voc12.pth")

    path = tmp_path / "torch" / "hub" / "checkpoints" / RELEASES["voc12"].file_name
    assert result.stdout == f"{path}\n", result.output
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={2**20}-"]


def test_a_file_with_another_digest_is_refused(deeplab: Deeplab, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(CONTENT)
    with serve_files(tmp_path) as server:
        result = deeplab("weights", "download", NAME, "--url", f"{server.url}/a.pth", "-o", tmp_path / "new")

    assert result.exit_code == 1
    path, digest = tmp_path / "new" / RELEASES[NAME].file_name, sha256(CONTENT).hexdigest()
    assert f"Error: {path}: has the sha256 {digest}; d234d4ea was published.\n" in result.output
    assert list((tmp_path / "new").iterdir()) == []


def test_a_name_that_nobody_published(deeplab: Deeplab) -> None:
    result = deeplab("weights", "download", "voc13")
    assert result.exit_code == 2
    assert "'voc13' is not one of 'voc12', 'cocostuff10k'" in result.output


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_extract(deeplab: Deeplab, tmp_path: Path, suffix: str) -> None:
    state = {"a.weight": torch.arange(4.0).reshape(2, 2), "a.bias": torch.zeros(2)}
    torch.save({"model": state, "ema": {"a.weight": torch.ones(1)}, "epoch": 3}, tmp_path / "c.pth")
    output = tmp_path / "new" / f"w.{suffix}"

    result = deeplab("weights", "extract", tmp_path / "c.pth", "--key", "model", "-o", output)

    assert result.output == f"Wrote {output}: 2 tensors.\n"
    loaded = torch.load(output) if suffix == "pth" else load_file(output)
    assert all(torch.equal(value, loaded[key]) for key, value in state.items())
    asked = deeplab("weights", "extract", tmp_path / "c.pth", "-o", output)
    assert "holds several sets of weights (model, ema)" in asked.output


def test_the_caffemodel_is_unpacked_where_convert_looks(
    deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("released/train.prototxt", "")
        archive.writestr("released/init.caffemodel", CONTENT)
    with serve_files(tmp_path) as server:
        arguments = ("weights", "download", "init.caffemodel", "--url", f"{server.url}/a.zip")
        for _ in range(2):
            result = deeplab(*arguments)
    assert result.stdout == f"{TARGETS['coco'].caffemodel}\n", result.output
    assert TARGETS["coco"].caffemodel.read_bytes() == CONTENT

    (tmp_path / "a.zip").write_bytes(b"no archive")
    with serve_files(tmp_path) as server:
        result = deeplab(*arguments[:4], f"{server.url}/a.zip", "-o", tmp_path / "new")
    assert "prototxt_and_model.zip: cannot be unpacked" in result.output
