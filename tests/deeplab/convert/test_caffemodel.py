from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplab.convert.caffe_proto import message_classes
from deeplab.convert.caffemodel import read_layers
from deeplab.errors import CheckpointError
from tests.deeplab.convert.writer import Layer, serialize, write

VALUES = np.arange(12, dtype=np.float32).reshape(2, 6, 1, 1)
CONV = Layer("conv1", "Convolution", [VALUES], {"kernel_size": [1]})


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("double", [False, True])
def test_both_layer_lists_and_both_precisions(tmp_path: Path, version: int, double: bool) -> None:
    relu = Layer("relu", "ReLU")
    conv, other = read_layers(write(tmp_path / "a.caffemodel", [CONV, relu], version=version, double=double))

    assert (conv.name, conv.kind) == ("conv1", "Convolution")
    assert conv.settings["kernel_size"] == (1, 1)
    assert conv.blobs[0].dtype == (np.float64 if double else np.float32)
    np.testing.assert_array_equal(conv.blobs[0], VALUES)
    assert (other.name, other.blobs) == ("relu", ())


def test_numbers_that_are_not_packed(tmp_path: Path) -> None:
    layer = message_classes()["LayerParameter"](name=b"scale", type=b"Scale")
    one_by_one = b"".join(b"\x2d" + value.tobytes() for value in VALUES.ravel())  # field 5, 32 bits, each
    content = layer.SerializeToString() + b"\x3a" + bytes([len(one_by_one) + 4]) + one_by_one + b"\x3a\x02\x08\x0c"
    path = tmp_path / "a.caffemodel"
    path.write_bytes(b"\xa2\x06" + bytes([len(content)]) + content)

    (scale,) = read_layers(path)
    np.testing.assert_array_equal(scale.blobs[0], VALUES.ravel())


def test_the_older_list_names_its_batch_norms(tmp_path: Path) -> None:
    layers = [Layer(name, "unknown", [np.ones(2, np.float32)]) for name in ("bn2a_branch1", "scale_conv1", "other")]
    found = read_layers(write(tmp_path / "a.caffemodel", layers, version=1))
    assert [layer.kind for layer in found] == ["BatchNorm", "Scale", "type 0"]


def cut(content: bytes, n_bytes: int) -> bytes:
    return content[:-n_bytes]


GOOD = serialize(CONV)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no layers; expected a .caffemodel."),
        (b"PK\x03\x04 a zip file", "is not a .caffemodel"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "is not a .caffemodel"),
        (b"<!DOCTYPE html><p>Not found", "is not a .caffemodel"),
        (b'name: "DeepLab"\nlayer {', "is not a .caffemodel"),
        (cut(GOOD, 1), "ends in the middle of what follows the start; the file is truncated."),
        (GOOD + cut(GOOD, 20), "ends in the middle of what follows layer 'conv1'; the file is truncated."),
        (GOOD + GOOD[:2], "ends in the middle of what follows layer 'conv1'; the file is truncated."),
        (
            GOOD + b"\xa2\x06\x03\x0a\xff\xff",
            "what follows layer 'conv1' is not a layer of Caffe; the file is damaged.",
        ),
        (GOOD + b"\xff" * 20, "what follows layer 'conv1' is not a layer of Caffe; the file is damaged."),
        (GOOD + b"\xa2\x06\x00", "has a layer without a name"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.caffemodel"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        list(read_layers(path))
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_blob_that_contradicts_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.caffemodel"
    message = message_classes()["LayerParameter"](name=b"conv1", type=b"Scale")
    message.blobs.add(data=[1, 2, 3], num=1, channels=1, height=1, width=4)
    content = message.SerializeToString()
    path.write_bytes(b"\xa2\x06" + bytes([len(content)]) + content)
    with pytest.raises(CheckpointError, match="layer 'conv1' says that it has 1 x 1 x 1 x 4 values but holds 3"):
        list(read_layers(path))


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a.caffemodel"
    path.write_bytes(GOOD.replace(b"conv1", b"con\xff1"))
    (layer,) = read_layers(path)
    assert layer.name == r"con\xff1"


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_raises_nothing_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(GOOD * 3)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.caffemodel"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(CheckpointError):
        list(read_layers(path))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent: the caffemodel cannot be read: No such file"):
        list(read_layers(tmp_path / "absent"))
