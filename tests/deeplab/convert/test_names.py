import pytest

from deeplab.convert.names import is_shared_branch, layer_name, module_name


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        ("conv1", "layer1.conv1.conv"),
        ("bn_conv1", "layer1.conv1.bn"),
        ("scale_conv1", "layer1.conv1.bn"),
        ("pool1", "layer1.pool"),
        ("res2a_branch1", "layer2.block1.shortcut.conv"),
        ("bn2c_branch2a", "layer2.block3.reduce.bn"),
        ("res3b1_branch2b", "layer3.block2.conv3x3.conv"),
        ("scale4b22_branch2c", "layer4.block23.increase.bn"),
        ("res5c_branch2c", "layer5.block3.increase.conv"),
        ("fc1_coco", "fc"),
        ("fc1_voc12", "fc"),
        ("fc1_voc12_c0", "aspp.c0"),
        ("fc1_coco_c3", "aspp.c3"),
        ("res6a_branch1", None),
        ("res2a_branch3", None),
        ("fc1000", None),
        ("conv2", None),
    ],
)
def test_modules_of_caffes_layers(layer: str, module: str | None) -> None:
    assert module_name(layer) == module


@pytest.mark.parametrize(
    ("key", "layer"),
    [
        ("layer1.conv1.conv.weight", "conv1"),
        ("layer1.conv1.bn.running_mean", "bn_conv1"),
        ("layer3.block4.reduce.bn.bias", "scale3b3_branch2a"),
        ("layer5.block3.increase.conv.weight", "res5c_branch2c"),
        ("layer4.block1.shortcut.bn.running_var", "bn4a_branch1"),
        ("aspp.c2.bias", "fc1_voc12_c2"),
        ("fc.weight", "fc1_voc12"),
    ],
)
def test_layers_of_our_keys_are_the_inverse(key: str, layer: str) -> None:
    assert layer_name(key, dataset="voc12", n_blocks=(3, 4, 23, 3)) == layer
    assert module_name(layer) == key.rpartition(".")[0]


def test_copies_for_smaller_scales() -> None:
    assert is_shared_branch("res2a_branch1_res075")
    assert is_shared_branch("fc1_voc12_c0_res05")
    assert not is_shared_branch("res5a_branch1")
