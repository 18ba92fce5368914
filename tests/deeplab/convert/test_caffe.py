import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from deeplab.catalog import BACKBONES
from deeplab.convert.caffe import convert_caffemodel
from deeplab.convert.targets import TARGETS
from deeplab.errors import CheckpointError
from deeplab.models.build import build_model
from tests.deeplab.convert.writer import Deeplab, Layer, write

N_BLOCKS, WIDTH = (1, 2, 4, 1), 4


def convert_small(path: Path, dataset: str) -> dict[str, torch.Tensor]:
    return convert_caffemodel(path, dataset, n_blocks=N_BLOCKS, width=WIDTH)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("dataset", ["coco", "voc12"])
def test_a_small_model_arrives_value_by_value(tmp_path: Path, dataset: str, version: int, double: bool) -> None:
    written = Deeplab(dataset, n_blocks=N_BLOCKS, width=WIDTH)
    if version == 1:  # in which a batch norm has no parameters, and Caffe's defaults hold
        written.norm_parameters = {}
    path = write(tmp_path / "a.caffemodel", written.layers(), version=version, double=double)

    weights = convert_small(path, dataset)

    assert weights.keys() == written.weights.keys()
    for key, expected in written.weights.items():
        np.testing.assert_array_equal(weights[key].numpy(), expected, err_msg=key)


def test_the_full_model_in_little_memory(tmp_path: Path) -> None:
    """The released files have this layout; a process of its own shows what a conversion takes at most."""
    dataset = "voc12"  # the command line's tests do it with the other
    written = Deeplab(dataset, n_blocks=BACKBONES["ResNet101"], width=64)
    source, out = write(tmp_path / "a.caffemodel", written.layers()), tmp_path / "out.pth"
    code = (
        "import re, sys; from pathlib import Path; from deeplab.convert.caffe import convert_caffemodel;"
        "from deeplab.models.weights.state_dict import save_weights;"
        "source, out, dataset = sys.argv[1:]; save_weights(Path(out), convert_caffemodel(Path(source), dataset));"
        # getrusage would count what this process, which it was started from, once took.
        r"print(re.search(r'VmHWM:\s+(\d+)', Path('/proc/self/status').read_text())[1])"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(source), str(out), dataset]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    assert source.stat().st_size > 170e6
    assert int(result.stdout) / 2**20 < 1.5  # GiB; about half of it is PyTorch itself
    weights = torch.load(out, weights_only=True)
    source.unlink()
    out.unlink()
    target = TARGETS[dataset]
    build_model(target.model, target.n_classes).load_state_dict(weights, strict=True)
    assert all(np.array_equal(weights[key].numpy(), value) for key, value in written.weights.items())


Change = Callable[[Layer], Layer | None]


def changed(layers: Iterable[Layer], name: str, change: Change) -> Iterator[Layer]:
    for layer in layers:
        new = change(layer) if layer.name == name else layer
        if new is not None:
            yield new


def write_changed(folder: Path, name: str, change: Change) -> Path:
    """A small caffemodel for COCO in which one layer is another."""
    layers = Deeplab("coco", n_blocks=N_BLOCKS, width=WIDTH).layers()
    return write(folder / "a.caffemodel", changed(layers, name, change))


def parameter(key: str, value: object) -> Change:
    return lambda layer: Layer(layer.name, layer.type, layer.blobs, {**layer.parameters, key: value})


def blobs(keep: int) -> Change:
    return lambda layer: Layer(layer.name, layer.type, layer.blobs[:keep], layer.parameters)


def kind(name: str) -> Change:
    return lambda layer: Layer(layer.name, name, layer.blobs)


def rename(name: str) -> Change:
    return lambda layer: Layer(name, layer.type, layer.blobs, layer.parameters)


def reshape(layer: Layer) -> Layer:
    return Layer(layer.name, layer.type, [layer.blobs[0][:, :-1]], layer.parameters)


def zero_factor(layer: Layer) -> Layer:
    return Layer(layer.name, layer.type, [*layer.blobs[:2], np.zeros(1, np.float32)])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("res5a_branch2b", parameter("dilation", [2]), "has dilation 2 instead of 4 as in DeepLabV1_ResNet101."),
        ("res3a_branch2a", parameter("stride", [1]), "has stride 1 instead of 2 as in"),
        ("res4b2_branch2b", parameter("pad", [1]), "has padding 1 instead of 2 as in"),
        ("conv1", parameter("kernel_size", [5]), "has kernel_size 5 instead of 7 as in"),
        ("bn_conv1", parameter("eps", 0.001), "has eps 0.001 instead of 1e-05 as in"),
        ("pool1", parameter("pad", 0), "has padding 0 instead of 1 as in"),
        ("res2a_branch1", reshape, "has shape (16, 3, 1, 1) instead of (16, 4, 1, 1) as in"),
        ("bn2a_branch1", zero_factor, "has no statistics: its scale factor is"),
        ("bn2a_branch1", blobs(2), "(BatchNorm) has 2 arrays of numbers instead of 3."),
        ("scale2a_branch1", blobs(1), "(Scale) has 1 arrays of numbers instead of 2."),
        ("fc1_coco", blobs(1), "(Convolution) has 1 arrays of numbers instead of 2."),
        ("bn2a_branch1", kind("Scale"), "(Scale) has 3 arrays of numbers instead of 2."),
        ("res2a_branch1", kind("BatchNorm"), "is a BatchNorm, where DeepLabV1_ResNet101 has a Conv2d."),
    ],
)
def test_a_layer_that_differs_is_named(tmp_path: Path, name: str, change: Change, message: str) -> None:
    path = write_changed(tmp_path, name, change)
    with pytest.raises(CheckpointError) as caught:
        convert_small(path, "coco")
    assert str(caught.value).startswith(f"{path}: layer '{name}' {message}")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("res4b3_branch2c", lambda _: None, "1 layer missing (res4b3_branch2c)."),
        ("scale_conv1", lambda _: None, "1 layer missing (scale_conv1)."),
        ("fc1_coco", lambda _: None, "1 layer missing (fc1_coco)."),
        ("bn3b_branch2a", rename("bn3x_odd"), "1 layer missing (bn3b_branch2a), 1 layer unknown (bn3x_odd)."),
    ],
)
def test_missing_and_unknown_layers_are_named(tmp_path: Path, name: str, change: Change, message: str) -> None:
    path = write_changed(tmp_path, name, change)
    with pytest.raises(CheckpointError) as caught:
        convert_small(path, "coco")
    assert str(caught.value) == f"{path}: is not the coco caffemodel (DeepLabV1_ResNet101): {message}"


def test_the_caffemodel_of_another_dataset(tmp_path: Path) -> None:
    path = write(tmp_path / "a.caffemodel", Deeplab("coco", n_blocks=N_BLOCKS, width=WIDTH).layers())
    with pytest.raises(CheckpointError) as caught:
        convert_small(path, "voc12")
    heads = ", ".join(f"fc1_voc12_c{i}" for i in range(4))
    assert f"is not the voc12 caffemodel (DeepLabV2_ResNet101_MSC): 4 layers missing ({heads})" in str(caught.value)
    assert "1 layer unknown (fc1_coco)." in str(caught.value)


def test_a_layer_that_comes_twice(tmp_path: Path) -> None:
    layers = list(Deeplab("coco", n_blocks=N_BLOCKS, width=WIDTH).layers())
    path = write(tmp_path / "a.caffemodel", [*layers, layers[1]])
    with pytest.raises(CheckpointError, match="layer 'conv1' appears twice"):
        convert_small(path, "coco")


def test_a_scale_of_any_name_completes_the_batch_norm_before_it(tmp_path: Path) -> None:
    written = Deeplab("coco", n_blocks=N_BLOCKS, width=WIDTH)
    path = write(tmp_path / "a.caffemodel", changed(written.layers(), "scale_conv1", rename("odd")))
    weights = convert_small(path, "coco")
    np.testing.assert_array_equal(weights["layer1.conv1.bn.bias"].numpy(), written.weights["layer1.conv1.bn.bias"])


def test_a_data_set_without_a_caffemodel(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match="'ade20k' is not a dataset with a released caffemodel; valid names: coco"
    ):
        convert_caffemodel(tmp_path / "a.caffemodel", "ade20k")
