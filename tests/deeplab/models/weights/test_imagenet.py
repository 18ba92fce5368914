"""torchvision's own ResNets on their own input are the reference."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model_weights
from torchvision.models.resnet import Bottleneck, ResNet

from deeplab.catalog import IMAGENET_WEIGHTS
from deeplab.config import Config, parse_config
from deeplab.errors import CheckpointError, ConfigError
from deeplab.models.batch_norm import batch_norms
from deeplab.models.build import build_from_config, build_model
from deeplab.models.load import fill_initially, load_model
from deeplab.models.weights.fill import load_initial_weights
from deeplab.models.weights.imagenet import MEAN, STD
from deeplab.releases import RELEASES, imagenet_release

BGR_MEAN = (104.008, 116.669, 122.675)
FEATURES = ("layer1", "layer2", "layer3", "layer4", "layer5")


def theirs(dilate: tuple[bool, bool, bool] = (False, False, False), blocks: tuple[int, ...] = (2, 2, 2, 2)) -> ResNet:
    """A ResNet of torchvision's with few blocks, whose batch norms have statistics of their own."""
    torch.manual_seed(0)
    model = ResNet(Bottleneck, list(blocks), replace_stride_with_dilation=list(dilate))
    for norm in batch_norms(model):
        for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            assert values is not None
            values.data.uniform_(0.5, 1)
    return model.eval()


def their_features(model: ResNet, rgb: Tensor) -> list[Tensor]:
    """Of layer1 .. layer5 by our names."""
    normalised = (rgb / 255 - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    features = [model.maxpool(model.relu(model.bn1(model.conv1(normalised))))]
    for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
        features.append(layer(features[-1]))
    return features


def our_features(model: nn.Module, rgb: Tensor) -> list[Tensor]:
    features = [rgb.flip(1) - torch.tensor(BGR_MEAN).view(1, 3, 1, 1)]
    for name in FEATURES:
        features.append(model.get_submodule(name)(features[-1]))
    return features[1:]


def ours(name: str, **settings: Any) -> nn.Module:
    return build_model(name, 3, n_blocks=(2, 2, 2, 2), **settings).eval()


@pytest.mark.parametrize(
    ("name", "settings", "dilate"),
    [
        ("ResNet50", {}, (False, False, False)),
        ("DeepLabV2_ResNet50", {}, (False, True, True)),
        ("DeepLabV1_ResNet50", {}, (False, True, True)),
    ],
)
def test_features_equal_torchvisions(
    tmp_path: Path, name: str, settings: dict[str, Any], dilate: tuple[bool, bool, bool]
) -> None:
    reference, model = theirs(dilate), ours(name, stride_in="3x3", **settings)
    torch.save(reference.state_dict(), tmp_path / "resnet.pth")

    left = load_initial_weights(model, tmp_path / "resnet.pth", BGR_MEAN)

    assert not [key for key in left if key.startswith("layer")]
    rgb = torch.randint(0, 256, (1, 3, 321, 321)).float()
    with torch.no_grad():
        expected, features = their_features(reference, rgb), our_features(model, rgb)
    stem, *_ = zip(features, expected, strict=True)
    torch.testing.assert_close(stem[0][..., 2:-2, 2:-2], stem[1][..., 2:-2, 2:-2], rtol=1e-4, atol=1e-4)
    with torch.no_grad():  # of equal stems, so that the border does not spread
        deeper = [stem[1]]
        for layer in FEATURES[1:]:
            deeper.append(model.get_submodule(layer)(deeper[-1]))
    for got, wanted in zip(deeper, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))


def test_what_remains_at_the_border_is_small(tmp_path: Path) -> None:
    reference, model = theirs(), ours("ResNet50", stride_in="3x3")
    torch.save(reference.state_dict(), tmp_path / "resnet.pth")
    load_initial_weights(model, tmp_path / "resnet.pth", BGR_MEAN)
    rgb = torch.randint(0, 256, (1, 3, 65, 65)).float()
    with torch.no_grad():
        expected, got = their_features(reference, rgb)[0], our_features(model, rgb)[0]
    assert 0 < (expected - got).abs().max() < 0.05 * expected.std()


def test_without_another_mean_nothing_remains(tmp_path: Path) -> None:
    reference, model = theirs(), ours("ResNet50", stride_in="3x3")
    torch.save(reference.state_dict(), tmp_path / "resnet.pth")
    mean = tuple(255 * each for each in reversed(MEAN))
    load_initial_weights(model, tmp_path / "resnet.pth", mean)
    rgb = torch.randint(0, 256, (1, 3, 65, 65)).float()
    with torch.no_grad():
        got = model.get_submodule("layer1")(rgb.flip(1) - torch.tensor(mean).view(1, 3, 1, 1))
        expected = their_features(reference, rgb)[0]
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("wrap", ["", "module.", "backbone."])
@pytest.mark.parametrize("name", ["DeepLabV2_ResNet50_MSC", "DeepLabV3_ResNet50", "DeepLabV3Plus_ResNet50_MSC"])
def test_a_file_of_a_resnet_starts_any_of_our_models(tmp_path: Path, name: str, wrap: str) -> None:
    state = {f"{wrap}{key}": value for key, value in theirs().state_dict().items()}
    torch.save({**state, "classifier.4.weight": torch.zeros(21, 256, 1, 1)}, tmp_path / "resnet.pth")
    model = build_model(name, 3, n_blocks=(2, 2, 2, 2))
    left = load_initial_weights(model, tmp_path / "resnet.pth", BGR_MEAN)
    assert left
    assert not [key for key in left if key.removeprefix("base.").startswith("layer")]


def test_another_resnet_is_refused(tmp_path: Path) -> None:
    torch.save(theirs(blocks=(2, 2, 3, 2)).state_dict(), tmp_path / "resnet.pth")
    model = build_model("DeepLabV2_ResNet50_MSC", 3, n_blocks=(2, 2, 2, 2))
    with pytest.raises(CheckpointError, match=r"has another backbone: \d+ keys unexpected \(base\.layer4\.block3"):
        load_initial_weights(model, tmp_path / "resnet.pth", BGR_MEAN)


def config_of(weights: str = "IMAGENET1K_V2", name: str = "DeepLabV2_ResNet50_MSC") -> Config:
    model = {"NAME": name, "WEIGHTS": weights, "N_BLOCKS": [2, 2, 2, 2]}
    return parse_config({"DATASET": {"N_CLASSES": 3}, "MODEL": model}, "test")


def test_published_weights_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(theirs().state_dict(), folder / "resnet50-11ad3fa6.pth")
    model = build_from_config(config_of())
    source, left = fill_initially(model, config_of())
    assert source == "IMAGENET1K_V2"
    assert {key.split(".")[1] for key in left} == {"aspp"}


def test_no_internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(CheckpointError, match=r"resnet50-11ad3fa6\.pth: is not available .*also works"):
        fill_initially(build_from_config(config_of()), config_of())


def test_they_are_no_model_to_evaluate() -> None:
    with pytest.raises(ConfigError, match=r"No checkpoint is given; MODEL\.WEIGHTS IMAGENET1K_V2 is where a training"):
        load_model(config_of(), None)


def test_other_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"MODEL\.WEIGHTS of DeepLabV2_ResNet50_MSC must be IMAGENET1K_V1 or IMAG"):
        config_of("DEFAULT")


@pytest.mark.parametrize("backbone", ["ResNet50", "ResNet101"])
@pytest.mark.parametrize("weights", IMAGENET_WEIGHTS)
def test_the_list_of_releases_is_torchvisions(backbone: str, weights: str) -> None:
    published = cast(Any, get_model_weights(backbone.lower()))[weights]
    release = imagenet_release(f"DeepLabV3Plus_{backbone}_MSC", weights)
    assert release in RELEASES.values()
    assert (release.model, release.url) == (backbone, published.url)
    assert release.sha256 is not None
    assert f"-{release.sha256}." in published.url
