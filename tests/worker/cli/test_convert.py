from pathlib import Path

import pytest
import torch

from deeplab.catalog import BACKBONES
from deeplab.models.build import build_model
from deeplab.models.weights.fill import load_weights
from tests.deeplab.convert.writer import Deeplab as Written
from tests.deeplab.convert.writer import write
from tests.worker.cli.conftest import Deeplab


def test_the_originals_paths_are_the_defaults(
    deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("data/models/coco/deeplabv1_resnet101/caffemodel")
    folder.mkdir(parents=True)
    written = Written("coco", n_blocks=BACKBONES["ResNet101"], width=64)
    write(folder / "init.caffemodel", written.layers())

    for arguments in ([], ["-o", "new/coco.safetensors"]):
        result = deeplab("convert", "caffemodel", "--dataset", "coco", *arguments)
        assert result.exit_code == 0, result.output

    assert result.output == "Wrote new/coco.safetensors: 626 tensors of DeepLabV1_ResNet101 with 91 classes.\n"
    model = build_model("DeepLabV1_ResNet101", 91)
    for file in (folder / "deeplabv1_resnet101-coco.pth", Path("new/coco.safetensors")):
        load_weights(model, file)
        weights = model.state_dict()
        assert all(torch.equal(weights[key], torch.from_numpy(value)) for key, value in written.weights.items())
        file.unlink()
    (folder / "init.caffemodel").unlink()


def test_failures_are_one_sentence(deeplab: Deeplab, tmp_path: Path) -> None:
    (tmp_path / "a.caffemodel").write_bytes(b"GIF89a")

    absent = deeplab("convert", "caffemodel", tmp_path / "absent", "-d", "coco")
    other = deeplab("convert", "caffemodel", tmp_path / "a.caffemodel", "-d", "coco", "-o", tmp_path / "a.pth")
    dataset = deeplab("convert", "caffemodel", tmp_path / "a.caffemodel", "-d", "ade20k")

    assert (absent.exit_code, other.exit_code, dataset.exit_code) == (1, 1, 2)
    assert absent.output == f"Error: {tmp_path}/absent: the caffemodel cannot be read: No such file or directory.\n"
    assert other.output.startswith(f"Error: {tmp_path}/a.caffemodel: is not a .caffemodel")
    assert "'ade20k' is not one of 'coco', 'voc12'." in dataset.output
    assert not (tmp_path / "a.pth").exists()
