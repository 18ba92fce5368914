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

_MESSAGES = {  # "name:number:type"; a name with "*" repeats; integers have no type
    "Shape": "dim*:1",
    "Blob": "num:1 channels:2 height:3 width:4 data:5:bytes shape:7:Shape double_data:8:bytes",
    "Convolution": "num_output:1 pad*:3 kernel_size*:4 group:5 stride*:6 pad_h:9 pad_w:10 kernel_h:11 kernel_w:12"
    " stride_h:13 stride_w:14 dilation*:18",
    "Pooling": "pool:1 kernel_size:2 stride:3 pad:4 global_pooling:12",
    "BatchNorm": "use_global_stats:1 moving_average_fraction:2:float eps:3:float",
    "InnerProduct": "num_output:1 transpose:6",
    "Layer": "name:1:string type:2:string bottom*:3:string blobs*:7:Blob Convolution:106:Convolution"
    " InnerProduct:117:InnerProduct Pooling:121:Pooling BatchNorm:139:BatchNorm",
    "V1Layer": "name:4:string number:5 blobs*:6:Blob Convolution:10:Convolution InnerProduct:17:InnerProduct"
    " Pooling:19:Pooling",
    "Net": "name:1:string input*:3:string input_dim*:4",
}


def _build_classes() -> dict[str, Any]:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="written.proto", package="written", syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for spec in fields.split():
            name, number, kind = f"{spec}:int64".split(":")[:3]
            field = message.field.add(name=name.rstrip("*"), number=int(number))
            field.label = kinds.LABEL_REPEATED if name.endswith("*") else kinds.LABEL_OPTIONAL
            if kind in _MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".written.{kind}"
            else:  # packed numbers are bytes on the wire, and many times faster to write so
                field.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"written.{name}")) for name in _MESSAGES}


_CLASSES = _build_classes()
_V1_NUMBERS = {"Convolution": 4, "InnerProduct": 14, "Pooling": 17, "ReLU": 18, "Eltwise": 25}


@dataclass
class Layer:
    """What a test wants to be written."""

    name: str
    type: str
    blobs: list[Array] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)  # of the message that belongs to the type


def serialize(layer: Layer, *, version: int = 2, double: bool = False) -> bytes:
    """One layer as an element of Caffe's newer (2) or older (1) list."""
    if version == 1:
        message = _CLASSES["V1Layer"](name=layer.name, number=_V1_NUMBERS.get(layer.type, 0))
    else:
        message = _CLASSES["Layer"](name=layer.name, type=layer.type, bottom=["data"])
    for array in layer.blobs:
        blob = message.blobs.add()
        setattr(blob, *(("double_data", array.astype("<f8").tobytes()) if double else ("data", array.tobytes())))
        if version == 1:
            blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
        else:
            blob.shape.dim.extend(array.shape)
    for key, value in layer.parameters.items():
        parameters = getattr(message, layer.type)
        if isinstance(value, list):
            getattr(parameters, key).extend(value)
        else:
            setattr(parameters, key, value)
    content: bytes = message.SerializeToString()
    return _varint((100 if version == 2 else 2) << 3 | 2) + _varint(len(content)) + content


def write(path: Path, layers: Iterable[Layer], *, version: int = 2, double: bool = False) -> Path:
    """Write a model layer by layer."""
    with path.open("wb") as file:
        file.write(_CLASSES["Net"](name="written", input=["data"], input_dim=[1, 3, 513, 513]).SerializeToString())
        for layer in layers:
            file.write(serialize(layer, version=version, double=double))
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
        self.norm_parameters: dict[str, Any] = {"use_global_stats": 1, "eps": 1e-5}
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
        yield Layer(name, "BatchNorm", [mean, np.abs(variance), factor], self.norm_parameters)
        yield Layer(name.replace("bn", "scale", 1), "Scale", [weight, bias])
        scale = factor.astype(np.float64)
        statistics = {"running_mean": mean / scale, "running_var": np.abs(variance) / scale}
        for parameter, array in {"weight": weight, "bias": bias, **statistics}.items():
            self.weights[f"{self._prefix}{ours}.{parameter}"] = array.astype(np.float32)
        self.weights[f"{self._prefix}{ours}.num_batches_tracked"] = np.zeros((), np.int64)

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
