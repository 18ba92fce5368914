"""Read a .caffemodel layer by layer, so that memory holds one layer at a time."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from deeplab.convert.caffe_proto import message_classes
from deeplab.convert.geometry import Setting, layer_settings
from deeplab.errors import CheckpointError

KINDS = ("Convolution", "InnerProduct", "Pooling", "BatchNorm", "Scale")  # layers with weights or a geometry to check

_LAYER, _V1_LAYER = 100, 2  # fields of NetParameter
_OTHER_FIELDS = {1, 3, 4, 5, 6, 7, 8}
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types
_V1_KINDS = {4: "Convolution", 14: "InnerProduct", 17: "Pooling"}
_MESSAGES = message_classes()


@dataclass(frozen=True)
class CaffeLayer:
    """One layer of a trained model."""

    name: str
    kind: str  # one of KINDS, or Caffe's word for a layer without weights
    settings: Mapping[str, Setting]  # by the name of PyTorch's attribute; empty for kinds outside KINDS
    blobs: tuple[NDArray[np.floating[Any]], ...]  # in the file's precision and shape


def read_layers(path: Path) -> Iterator[CaffeLayer]:
    """Yield the layers of a .caffemodel in the order of the file.

    Raises:
        CheckpointError: if the file cannot be read, is of another kind, is truncated or contradicts itself.
    """
    last = "the start"
    try:
        with path.open("rb") as file:
            for number, content in _split(file):
                layer = _parse(number, content)
                last = f"layer {layer.name!r}"
                yield layer
    except EOFError:
        raise CheckpointError(f"{path}: ends in the middle of what follows {last}; the file is truncated.") from None
    except DecodeError:
        raise CheckpointError(f"{path}: what follows {last} is not a layer of Caffe; the file is damaged.") from None
    except _NotCaffeError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: the caffemodel cannot be read: {error.strerror or error}.") from error
    if last == "the start":
        raise CheckpointError(f"{path}: holds no layers; expected a .caffemodel.")


class _NotCaffeError(Exception):
    """The file is not what Caffe writes; the text is the second half of a sentence."""


def _split(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the layers of a NetParameter as (field number, content). Raises EOFError if the file ends early."""
    size = os.fstat(file.fileno()).st_size
    while file.tell() < size:
        tag = _read_varint(file)
        number, wire = tag >> 3, tag & 7
        if number not in (_LAYER, _V1_LAYER, *_OTHER_FIELDS):
            raise _NotCaffeError("is not a .caffemodel (Caffe's binary protobuf format).")
        length = _length(wire, file)
        if length > size - file.tell():
            raise EOFError
        if number in (_LAYER, _V1_LAYER) and wire == _DELIMITED:
            yield number, file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def _length(wire: int, file: BinaryIO) -> int:
    """Return how many bytes of a field follow its tag; reads its length, or its value if that is a varint."""
    if wire == _VARINT:
        _read_varint(file)
        return 0
    if wire == _DELIMITED:
        return _read_varint(file)
    if wire not in (_FIXED64, _FIXED32):
        raise _NotCaffeError("is not a .caffemodel (Caffe's binary protobuf format).")
    return 8 if wire == _FIXED64 else 4


def _read_varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):  # ten bytes at most
        byte = file.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise DecodeError


def _parse(number: int, content: bytes) -> CaffeLayer:
    message = _MESSAGES["LayerParameter" if number == _LAYER else "V1LayerParameter"].FromString(content)
    name = message.name.decode(errors="backslashreplace")
    if not name:
        raise _NotCaffeError("has a layer without a name, as only versions of Caffe before 2014 wrote.")
    kind = _v1_kind(message.type, name) if number == _V1_LAYER else _kind(message.type)
    try:
        settings = layer_settings(kind, message)
        blobs = tuple(_read_blob(blob) for blob in message.blobs)
    except ValueError as error:
        raise _NotCaffeError(f"layer {name!r} {error}.") from None
    return CaffeLayer(name, kind, settings, blobs)


def _kind(written: bytes) -> str:
    text = written.decode(errors="backslashreplace")
    return next((kind for kind in KINDS if text.endswith(kind)), text)  # CuDNNConvolution computes the same


def _v1_kind(number: int, name: str) -> str:
    if number in _V1_KINDS:
        return _V1_KINDS[number]
    # The older layer list numbers its types and has no number for these two; by custom they have these names.
    prefixes = {"bn": "BatchNorm", "scale": "Scale"}
    return next((kind for prefix, kind in prefixes.items() if name.startswith(prefix)), f"type {number}")


def _read_blob(blob: Any) -> NDArray[np.floating[Any]]:
    values = np.array(blob.double_data) if len(blob.double_data) else np.array(blob.data, dtype=np.float32)
    four_axes = (blob.num, blob.channels, blob.height, blob.width)  # as Caffe wrote every shape before 2015
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else four_axes
    if math.prod(shape) != values.size:
        raise ValueError(f"says that it has {' x '.join(map(str, shape))} values but holds {values.size}")
    return values.reshape(shape)
