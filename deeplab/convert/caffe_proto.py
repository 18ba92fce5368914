"""The part of Caffe's file format that holds trained layers, as protobuf messages without generated code.

Field numbers are those of `caffe.proto`. Enumerations are declared as integers and strings as bytes, as on the wire.
Fields that are not read here are left out, and the protobuf runtime skips them.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "deeplab.caffe"
_FieldType = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _FieldType.TYPE_BOOL,
    "double": _FieldType.TYPE_DOUBLE,
    "float": _FieldType.TYPE_FLOAT,
    "int32": _FieldType.TYPE_INT32,
    "int64": _FieldType.TYPE_INT64,
    "bytes": _FieldType.TYPE_BYTES,
    "uint32": _FieldType.TYPE_UINT32,
}
_PARAMETERS = ("ConvolutionParameter", "InnerProductParameter", "PoolingParameter", "BatchNormParameter")

# Per message its fields: name -> (number, type, default). A type that ends in "*" is repeated.
_MESSAGES: dict[str, dict[str, tuple[int, str, str | None]]] = {
    "BlobShape": {"dim": (1, "int64*", None)},
    "BlobProto": {
        "num": (1, "int32", None),
        "channels": (2, "int32", None),
        "height": (3, "int32", None),
        "width": (4, "int32", None),
        "data": (5, "float*", None),
        "shape": (7, "BlobShape", None),
        "double_data": (8, "double*", None),
    },
    "ConvolutionParameter": {
        "num_output": (1, "uint32", None),
        "pad": (3, "uint32*", None),
        "kernel_size": (4, "uint32*", None),
        "group": (5, "uint32", "1"),
        "stride": (6, "uint32*", None),
        "pad_h": (9, "uint32", None),
        "pad_w": (10, "uint32", None),
        "kernel_h": (11, "uint32", None),
        "kernel_w": (12, "uint32", None),
        "stride_h": (13, "uint32", None),
        "stride_w": (14, "uint32", None),
        "dilation": (18, "uint32*", None),
    },
    "InnerProductParameter": {"num_output": (1, "uint32", None), "transpose": (6, "bool", None)},
    "PoolingParameter": {
        "pool": (1, "int32", "0"),  # 0 is the maximum
        "kernel_size": (2, "uint32", None),
        "stride": (3, "uint32", None),
        "pad": (4, "uint32", None),
        "kernel_h": (5, "uint32", None),
        "kernel_w": (6, "uint32", None),
        "stride_h": (7, "uint32", None),
        "stride_w": (8, "uint32", None),
        "pad_h": (9, "uint32", None),
        "pad_w": (10, "uint32", None),
        "global_pooling": (12, "bool", None),
    },
    "BatchNormParameter": {"moving_average_fraction": (2, "float", "0.999"), "eps": (3, "float", "1e-5")},
    "LayerParameter": {
        "name": (1, "bytes", None),
        "type": (2, "bytes", None),
        "blobs": (7, "BlobProto*", None),
        "convolution_param": (106, "ConvolutionParameter", None),
        "inner_product_param": (117, "InnerProductParameter", None),
        "pooling_param": (121, "PoolingParameter", None),
        "batch_norm_param": (139, "BatchNormParameter", None),
    },
    "V1LayerParameter": {
        "name": (4, "bytes", None),
        "type": (5, "int32", None),
        "blobs": (6, "BlobProto*", None),
        "convolution_param": (10, "ConvolutionParameter", None),
        "inner_product_param": (17, "InnerProductParameter", None),
        "pooling_param": (19, "PoolingParameter", None),
    },
}


def _build_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="deeplab/caffe.proto", package=_PACKAGE, syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind, default) in fields.items():
            repeated, kind = kind.endswith("*"), kind.removesuffix("*")
            field = message.field.add(name=name, number=number, default_value=default)
            field.label = _FieldType.LABEL_REPEATED if repeated else _FieldType.LABEL_OPTIONAL
            field.type = _SCALARS.get(kind, _FieldType.TYPE_MESSAGE)
            if kind in _MESSAGES:
                field.type_name = f".{_PACKAGE}.{kind}"
    return file


def message_classes() -> dict[str, Any]:
    """Build the protobuf class of each message above, by name."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_build_file())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }
