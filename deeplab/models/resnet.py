"""MSRA's ResNet, plain and dilated. Names of attributes are the checkpoints' keys and must stay."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

_EXPANSION = 4  # output channels of a bottleneck per inner channel


class ConvBnReLU(nn.Sequential):
    """Convolution without bias, batch norm, and a ReLU unless `relu` is false."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel_size // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        # 0.001 is Caffe's moving average fraction of 0.999.
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-5, momentum=0.001)
        if relu:
            self.relu = nn.ReLU(inplace=True)


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3 and 1x1 convolutions.

    The stride is on the first, as in MSRA's Caffe models, or with `stride_in_3x3` on the second, as in torchvision's.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        dilation: int,
        project: bool,
        stride_in_3x3: bool = False,
    ) -> None:
        super().__init__()
        inner = out_channels // _EXPANSION
        self.reduce = ConvBnReLU(in_channels, inner, 1, stride=1 if stride_in_3x3 else stride)
        self.conv3x3 = ConvBnReLU(inner, inner, 3, stride=stride if stride_in_3x3 else 1, dilation=dilation)
        self.increase = ConvBnReLU(inner, out_channels, 1, relu=False)
        self.shortcut = (
            ConvBnReLU(in_channels, out_channels, 1, stride=stride, relu=False) if project else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H / stride, W / stride)."""
        residual: Tensor = self.increase(self.conv3x3(self.reduce(x)))
        residual += self.shortcut(x)
        return functional.relu(residual, inplace=True)


def stem(out_channels: int) -> nn.Sequential:
    """Build the 7x7 convolution and the pooling, together with stride 4. Unlike in torchvision, ceil_mode is on."""
    pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)
    return nn.Sequential(OrderedDict(conv1=ConvBnReLU(3, out_channels, 7, stride=2), pool=pool))


def residual_layer(
    in_channels: int, out_channels: int, *, stride: int, dilations: Sequence[int], stride_in_3x3: bool = False
) -> nn.Sequential:
    """Build one bottleneck per dilation. The first has the stride and a projecting shortcut."""
    return nn.Sequential(
        OrderedDict(
            (
                f"block{i + 1}",
                Bottleneck(
                    out_channels if i else in_channels,
                    out_channels,
                    stride=1 if i else stride,
                    dilation=dilation,
                    project=i == 0,
                    stride_in_3x3=stride_in_3x3,
                ),
            )
            for i, dilation in enumerate(dilations)
        )
    )


def backbone_channels(width: int) -> int:
    """Return the number of channels of layer5."""
    return 32 * width


def backbone(
    n_blocks: Sequence[int],
    width: int,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    multi_grid: Sequence[int] | None = None,
    stride_in_3x3: bool = False,
) -> OrderedDict[str, nn.Module]:
    """Build layer1 .. layer5 of a ResNet, by name.

    Args:
        n_blocks: bottlenecks in layer2 .. layer5.
        width: channels of layer1; layer2 .. layer5 have 4, 8, 16 and 32 times as many.
        strides: of layer2 .. layer5; layer1 has 4.
        dilations: of layer2 .. layer5.
        multi_grid: factors on the dilations of layer5's blocks, one per block.
        stride_in_3x3: put strides where torchvision does. A stride that is left out for a dilation then dilates only
            what lies behind it: the first block of a layer has the dilation of the layer before, as in torchvision.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(layer1=stem(width))
    in_channels = width
    for i, (count, stride, dilation) in enumerate(zip(n_blocks, strides, dilations, strict=True)):
        grid = multi_grid if multi_grid and i == 3 else (1,) * count
        out_channels = 4 * width * 2**i
        in_blocks = [dilation] * count
        if stride_in_3x3 and i > 0:
            in_blocks[0] = dilations[i - 1]
        layers[f"layer{i + 2}"] = residual_layer(
            in_channels,
            out_channels,
            stride=stride,
            dilations=[each * factor for each, factor in zip(in_blocks, grid, strict=True)],
            stride_in_3x3=stride_in_3x3,
        )
        in_channels = out_channels
    return layers


def pointwise_classifier(in_channels: int, n_classes: int) -> nn.Conv2d:
    """Build a 1x1 convolution from features to logits."""
    conv = nn.Conv2d(in_channels, n_classes, kernel_size=1)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(conv.get_parameter("bias"))
    return conv


class ResNet(nn.Sequential):
    """Classifier of whole images: (N, 3, H, W) -> (N, n_classes) logits."""

    def __init__(self, n_classes: int, *, n_blocks: Sequence[int], width: int, stride_in_3x3: bool = False) -> None:
        geometry = {"strides": (1, 2, 2, 2), "dilations": (1, 1, 1, 1)}
        super().__init__(backbone(n_blocks, width, **geometry, stride_in_3x3=stride_in_3x3))
        self.pool5 = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(backbone_channels(width), n_classes)
