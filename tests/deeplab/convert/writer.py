"""Writes .caffemodel files of DeepLab's layout, by messages of its own: what Caffe would write, without Caffe.

Independent of the reader under test: the field numbers here were taken from caffe.proto again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_FIELDS = {
    # packed floats are bytes on the wire, and many times faster to write so
    "Blob": {"num": 1, "channels": 2, "height": 3, "width": 4, "data": 5, "shape": 7, "double_data": 8},
    "Shape": {"dim": 1},
    "Conv": {"num_output": 1, "pad": 3, "kernel_size": 4, "group": 5, "stride": 6, "pad_h": 9, "pad_w": 10}
    | {"kernel_h": 11, "kernel_w": 12, "stride_h": 13, "stride_w": 14, "dilation": 18},
    "Pool": {"pool": 1, "kernel_size": 2, "stride": 3, "pad": 4, "global_pooling": 12},
    "Norm": {"use_global_stats": 1, "fraction": 2, "eps": 3},
    "Inner": {"num_output": 1, "transpose": 6},
    "Layer": {"name": 1, "type": 2, "bottom": 3, "blobs": 7, "conv": 106, "inner": 117, "pool": 121, "norm": 139},
    "V1Layer": {"name": 4, "number": 5, "blobs": 6, "conv": 10, "inner": 17, "pool": 19},
    "Net": {"name": 1, "v1_layer": 2, "input": 3, "input_dim": 4, "layer": 100},
}
_MESSAGE_FIELDS = {"shape": "Shape", "conv": "Conv", "pool": "Pool", "norm": "Norm", "inner": "Inner", "blobs": "Blob"}
_MESSAGE_FIELDS |= {"layer": "Layer", "v1_layer": "V1Layer"}
_REPEATED = {"dim", "blobs", "pad", "kernel_size", "stride", "dilation", "input", "input_dim", "bottom"}
_REPEATED |= {"layer", "v1_layer"}
_TEXT, _BYTES, _FLOATS = {"name", "type", "input", "bottom"}, {"data", "double_data"}, {"fraction", "eps"}


def _classes() -> dict[str, Any]:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="written.proto", package="written", syntax="proto2")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field_name, number in fields.items():
            kind = kinds.TYPE_STRING if field_name in _TEXT else kinds.TYPE_INT64
            kind = kinds.TYPE_BYTES if field_name in _BYTES else kind
            kind = kinds.TYPE_FLOAT if field_name in _FLOATS else kind
            message_field = message.field.add(name=field_name, number=number, type=kind)
            repeated = field_name in _REPEATED and not (name == "Pool" and field_name != "pool")
            message_field.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            if field_name in _MESSAGE_FIELDS and not (name == "Pool"):
                message_field.type = kinds.TYPE_MESSAGE
                message_field.type_name = f".written.{_MESSAGE_FIELDS[field_name]}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"written.{name}")) for name in _FIELDS}


CLASSES = _classes()
_V1_NUMBERS = {"Convolution": 4, "InnerProduct": 14, "Pooling": 17, "ReLU": 18, "Eltwise": 25}


@dataclass
class Layer:
    """What a test wants to be written."""

    name: str
    type: str
    blobs: list[Array] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)  # of the message that belongs to the type


def serialize(layer: Layer, *, version: int = 2, double: bool = False) -> bytes:
    """The bytes of one layer as Caffe's newer (2) or older (1) list has it."""
    message = CLASSES["Layer"](name=layer.name, type=layer.type, bottom=["data"])
    if version == 1:
        message = CLASSES["V1Layer"](name=layer.name, number=_V1_NUMBERS.get(layer.type, 0))
    for array in layer.blobs:
        blob = message.blobs.add()
        if double:
            blob.double_data = array.astype("<f8").tobytes()
        else:
            blob.data = array.astype("<f4").tobytes()
        if version == 1:
            four = (1,) * (4 - array.ndim) + array.shape
            blob.num, blob.channels, blob.height, blob.width = four
        else:
            blob.shape.dim.extend(array.shape)
    names = {"Convolution": "conv", "Pooling": "pool", "BatchNorm": "norm", "InnerProduct": "inner"}
    parameters = getattr(message, names.get(layer.type, ""), None)
    for key, value in layer.parameters.items() if parameters is not None else ():
        if isinstance(value, list):
            getattr(parameters, key).extend(value)
        else:
            setattr(parameters, key, value)
    return bytes(message.SerializeToString())


def write(path: Path, layers: Iterable[Layer], *, version: int = 2, double: bool = False) -> Path:
    """Write a network layer by layer."""
    with path.open("wb") as file:
        file.write(CLASSES["Net"](name="written", input=["data"], input_dim=[1, 3, 513, 513]).SerializeToString())
        for layer in layers:
            content = serialize(layer, version=version, double=double)
            file.write(_varint((100 if version == 2 else 2) << 3 | 2) + _varint(len(content)) + content)
    return path


def _varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


class Deeplab:
    """The layers of a DeepLab ResNet with random numbers, and the weights that they must become."""

    def __init__(self, dataset: str, *, n_blocks: Sequence[int], width: int) -> None:
        self.dataset, self.n_blocks, self.width = dataset, n_blocks, width
        self.weights: dict[str, Array] = {}  # filled while `layers` runs
        self._random = np.random.default_rng(0)
        self._prefix = "base." if dataset == "voc12" else ""

    def layers(self) -> Iterator[Layer]:
        yield Layer("data", "ImageSegData")
        yield from self._unit("conv1", "bn_conv1", "layer1.conv1", (self.width, 3, 7), stride=2)
        yield Layer("conv1_relu", "ReLU")
        yield Layer("pool1", "Pooling", parameters={"pool": 0, "kernel_size": 3, "stride": 2, "pad": 1})
        inputs = self.width
        for stage in range(2, 6):
            count, outputs = self.n_blocks[stage - 2], 2**stage * self.width
            for block in range(count):
                yield from self._block(stage, block, inputs, outputs)
                inputs = outputs
        yield from self._head(inputs)

    def _block(self, stage: int, block: int, inputs: int, outputs: int) -> Iterator[Layer]:
        short = self.n_blocks[stage - 2] <= 3 or block == 0
        tag = f"{stage}{'abc'[block] if short else f'b{block}'}"
        ours = f"layer{stage}.block{block + 1}"
        stride = 2 if stage == 3 and block == 0 else 1
        dilation = {4: 2, 5: 4}.get(stage, 1)
        inner = outputs // 4
        units = [
            ("2a", "reduce", (inner, inputs, 1), stride, 1),
            ("2b", "conv3x3", (inner, inner, 3), 1, dilation),
            ("2c", "increase", (outputs, inner, 1), 1, 1),
        ]
        if block == 0:
            units.insert(0, ("1", "shortcut", (outputs, inputs, 1), stride, 1))
        for branch, name, shape, step, rate in units:
            caffe = f"{tag}_branch{branch}"
            yield from self._unit(f"res{caffe}", f"bn{caffe}", f"{ours}.{name}", shape, stride=step, dilation=rate)
        yield Layer(f"res{tag}", "Eltwise")
        yield Layer(f"res{tag}_relu", "ReLU")

    def _unit(
        self, conv: str, norm: str, ours: str, shape: tuple[int, int, int], *, stride: int = 1, dilation: int = 1
    ) -> Iterator[Layer]:
        outputs, inputs, kernel = shape
        yield self._convolution(conv, f"{ours}.conv", (outputs, inputs, kernel, kernel), stride, dilation)
        yield from self._norm(norm, f"{ours}.bn", outputs)

    def _convolution(
        self, name: str, ours: str, shape: tuple[int, ...], stride: int, dilation: int, *, bias: bool = False
    ) -> Layer:
        pad = dilation * (shape[2] // 2)
        parameters: dict[str, Any] = {"num_output": shape[0], "kernel_size": [shape[2]], "stride": [stride]}
        parameters |= {"pad": [pad]} | ({"dilation": [dilation]} if dilation > 1 else {})
        blobs = [self._draw(shape)] + ([self._draw(shape[:1])] if bias else [])
        for parameter, array in zip(("weight", "bias"), blobs, strict=False):
            self.weights[f"{self._prefix}{ours}.{parameter}"] = array
        return Layer(name, "Convolution", blobs, parameters)

    def _norm(self, name: str, ours: str, channels: int) -> Iterator[Layer]:
        mean, variance, weight, bias = (self._draw((channels,)) for _ in range(4))
        factor = np.array([999.98236], np.float32)
        yield Layer(name, "BatchNorm", [mean, np.abs(variance), factor], {"use_global_stats": 1, "eps": 1e-5})
        yield Layer(name.replace("bn", "scale", 1), "Scale", [weight, bias])
        scale = factor.astype(np.float64)
        statistics = {"running_mean": mean / scale, "running_var": np.abs(variance) / scale}
        for parameter, array in {"weight": weight, "bias": bias, **statistics}.items():
            self.weights[f"{self._prefix}{ours}.{parameter}"] = array.astype(np.float32)
        self.weights[f"{self._prefix}{ours}.num_batches_tracked"] = np.zeros((), np.int64)  # type: ignore[assignment]

    def _head(self, inputs: int) -> Iterator[Layer]:
        if self.dataset == "coco":
            yield self._convolution("fc1_coco", "fc", (91, inputs, 1, 1), 1, 1, bias=True)
            return
        for i, rate in enumerate((6, 12, 18, 24)):
            yield self._convolution(f"fc1_voc12_c{i}", f"aspp.c{i}", (21, inputs, 3, 3), 1, rate, bias=True)
        yield Layer("fc1_voc12", "Eltwise")
        # The copy for a smaller scale shares its weights, which Caffe writes all the same.
        yield Layer("conv1_res075", "Convolution", [self._draw((self.width, 3, 7, 7))], {"kernel_size": [7]})
        yield Layer("bn_conv1_res075", "BatchNorm", [np.zeros(1, np.float32)] * 3)
        yield Layer("fc1_voc12_c0_res05", "Convolution", [self._draw((21, 1, 1, 1))], {"kernel_size": [1]})

    def _draw(self, shape: tuple[int, ...]) -> Array:
        return self._random.standard_normal(shape, dtype=np.float32)
