from typing import Any

import pytest
from torch import nn

from deeplab.convert.caffe_proto import message_classes
from deeplab.convert.geometry import differing_settings, layer_settings

MESSAGES = message_classes()


def settings(kind: str, **parameters: Any) -> dict[str, Any]:
    field = {"Convolution": "convolution_param", "Pooling": "pooling_param", "BatchNorm": "batch_norm_param"}[kind]
    return layer_settings(kind, MESSAGES["LayerParameter"](**{field: parameters}))


@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel_size": [3], "stride": [2], "pad": [1]},
        {"kernel_size": [3, 3], "stride": [2, 2], "pad": [1, 1], "dilation": [1]},
        {"kernel_h": 3, "kernel_w": 3, "stride_h": 2, "stride_w": 2, "pad_h": 1, "pad_w": 1},
    ],
)
def test_each_way_in_which_caffe_writes_a_convolution(parameters: dict[str, Any]) -> None:
    found = settings("Convolution", num_output=8, **parameters)
    assert found == {
        "kernel_size": (3, 3),
        "stride": (2, 2),
        "padding": (1, 1),
        "dilation": (1, 1),
        "groups": 1,
        "out_channels": 8,
    }
    assert differing_settings(found, nn.Conv2d(4, 8, 3, stride=2, padding=1)) == []


def test_what_caffe_leaves_out_has_its_default() -> None:
    assert differing_settings(settings("Convolution", kernel_size=[1]), nn.Conv2d(4, 8, 1)) == []
    assert differing_settings(settings("Pooling", kernel_size=2), nn.MaxPool2d(2, stride=1)) == []
    assert settings("BatchNorm") == {"eps": pytest.approx(1e-5), "momentum": pytest.approx(0.001, abs=1e-7)}


def test_pooling() -> None:
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    assert differing_settings(settings("Pooling", kernel_h=3, kernel_w=3, stride=2, pad=1), pool) == []
    assert differing_settings(settings("Pooling", pool=1, kernel_size=3, stride=2, pad=1), pool) == [
        "pooling average instead of maximum"
    ]
    assert differing_settings(settings("Pooling", global_pooling=True), pool) == [
        "pooling global maximum instead of maximum"
    ]


def test_each_difference_is_named() -> None:
    conv = nn.Conv2d(4, 8, 3, padding=4, dilation=4)
    found = settings("Convolution", num_output=16, kernel_h=3, kernel_w=1, stride=[2], pad=[2], dilation=[2], group=2)
    assert differing_settings(found, conv) == [
        "kernel_size 3x1 instead of 3",
        "stride 2 instead of 1",
        "padding 2 instead of 4",
        "dilation 2 instead of 4",
        "groups 2 instead of 1",
        "out_channels 16 instead of 8",
    ]
    norm = nn.BatchNorm2d(4, eps=1e-5, momentum=0.001)
    assert differing_settings(settings("BatchNorm", eps=1e-3, moving_average_fraction=0.9), norm) == [
        "eps 0.001 instead of 1e-05",
        "momentum 0.1 instead of 0.001",
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({}, "does not say its kernel size"), ({"kernel_size": [3, 3, 3]}, "has 3 axes, expected height and width")],
)
def test_a_convolution_without_height_and_width_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings("Convolution", **parameters)


def test_a_matrix_is_a_convolution_of_one_pixel() -> None:
    layer = MESSAGES["LayerParameter"](inner_product_param={"num_output": 8})
    assert differing_settings(layer_settings("InnerProduct", layer), nn.Conv2d(4, 8, 1)) == []
    assert differing_settings(layer_settings("InnerProduct", layer), nn.Conv2d(4, 8, 3)) != []
    transposed = MESSAGES["LayerParameter"](inner_product_param={"transpose": True})
    with pytest.raises(ValueError, match="transposed"):
        layer_settings("InnerProduct", transposed)
