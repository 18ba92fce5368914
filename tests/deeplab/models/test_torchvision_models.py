"""torchvision's own forward pass on its own input is the reference."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models import get_model, get_model_weights

from deeplab.catalog import TORCHVISION_MODELS
from deeplab.config import parse_config
from deeplab.errors import CheckpointError, ConfigError
from deeplab.models.build import build_from_config, build_model
from deeplab.models.load import fill_initially, load_model
from deeplab.models.weights.fill import load_weights
from deeplab.models.weights.state_dict import save_weights
from deeplab.releases import RELEASES
from deeplab.training.optim import parameter_groups

FAST = "lraspp_mobilenet_v3_large"
WEIGHTS = "COCO_WITH_VOC_LABELS_V1"
MEAN = (104.008, 116.669, 122.675)  # BGR
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_model(name: str, n_classes: int = 21, **settings: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = get_model(
        name, weights=None, weights_backbone=None, num_classes=n_classes, **settings
    ).eval()
    return model


def column(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


@pytest.mark.parametrize("name", ["deeplabv3_mobilenet_v3_large", FAST])
def test_logits_are_torchvisions(name: str) -> None:
    reference = torchvision_model(name)
    ours = build_model(name, 21).eval()
    ours.load_state_dict(reference.state_dict())
    rgb = torch.randint(0, 256, (2, 3, 65, 97)).float()

    with torch.no_grad():
        expected = reference((rgb / 255 - column(IMAGENET_MEAN)) / column(IMAGENET_STD))["out"]
        logits = ours(rgb.flip(1) - column(MEAN))

    assert logits.shape == (2, 21, 65, 97)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TORCHVISION_MODELS)
def test_keys_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        keys = {key: value.shape for key, value in torchvision_model(name, 7).state_dict().items()}
        assert {key: value.shape for key, value in build_model(name, 7).state_dict().items()} == keys


def test_the_configs_mean_is_undone() -> None:
    config = parse_config(
        {
            "DATASET": {"N_CLASSES": 3},
            "MODEL": {"NAME": FAST},
            "IMAGE": {"MEAN": {"R": 1.0, "G": 2.0, "B": 3.0}},
        },
        "test",
    )
    ours, other = build_from_config(config).eval(), build_model(FAST, 3).eval()
    other.load_state_dict(ours.state_dict())
    rgb = torch.randint(0, 256, (1, 3, 32, 32)).float()
    torch.testing.assert_close(
        ours(rgb.flip(1) - column((3.0, 2.0, 1.0))), other(rgb.flip(1) - column(MEAN)), rtol=1e-4, atol=1e-4
    )


def test_training_reaches_backbone_and_head() -> None:
    model = build_model(FAST, 3)
    backbone, head, biases = parameter_groups(model, 0.1, 0.0)
    assert sum(len(group["params"]) for group in (backbone, head, biases)) > 60
    assert {id(each) for each in head["params"]} == {
        id(each) for name, each in model.named_parameters() if name.startswith("classifier.") and each.ndim == 4
    }
    assert len(biases["params"]) == 2
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 3, 64, 64)


def test_the_momentum_of_batch_norm() -> None:
    model = build_model(FAST, 3, bn_momentum=0.25)
    momenta = {module.momentum for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)}
    assert momenta == {0.25}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"n_blocks": (3, 4, 6, 3), "width": 32}, "is torchvision's and has no N_BLOCKS and no WIDTH."),
        ({"atrous_rates": (6,)}, "has no ATROUS_RATES."),
        ({"output_stride": 8}, "has no OUTPUT_STRIDE."),
        ({"weights": "COCO_V9"}, "'COCO_V9' is not a name of torchvision's weights for .*; valid names: COCO_WITH"),
    ],
)
def test_settings_that_torchvisions_models_lack(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model(FAST, 21, **overrides)


def test_our_models_have_no_weights_by_name() -> None:
    with pytest.raises(ConfigError, match="DeepLabV2_ResNet50 has no published weights by name"):
        build_model("DeepLabV2_ResNet50", 21, weights=WEIGHTS)


def test_the_list_of_releases_is_torchvisions() -> None:
    for name in TORCHVISION_MODELS:
        published, release = get_model_weights(name)[WEIGHTS].value, RELEASES[name]
        assert (release.model, release.url) == (name, published.url)
        assert release.n_classes == len(published.meta["categories"])
        assert release.mean_iou == published.meta["_metrics"]["COCO-val2017-VOC-labels"]["miou"]


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch.hub's folder of downloads, empty, and no proxy or internet behind it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def published(downloads: Path) -> torch.nn.Module:
    """Random weights that lie where a download of torchvision's would; the file has an auxiliary head as theirs."""
    model = torchvision_model("deeplabv3_mobilenet_v3_large", aux_loss=True)
    torch.save(model.state_dict(), downloads / RELEASES["deeplabv3_mobilenet_v3_large"].file_name)
    return model


def config_of(n_classes: int, name: str = "deeplabv3_mobilenet_v3_large", weights: str | None = WEIGHTS) -> Any:
    return parse_config({"DATASET": {"N_CLASSES": n_classes}, "MODEL": {"NAME": name, "WEIGHTS": weights}}, "test")


def test_published_weights_by_name(published: torch.nn.Module) -> None:
    model = load_model(config_of(21), None)
    assert torch.equal(model.get_parameter("classifier.4.bias"), published.get_parameter("classifier.4.bias"))
    assert not any(key.startswith("aux") for key in model.state_dict())


def test_published_weights_have_their_classes(published: torch.nn.Module) -> None:
    with pytest.raises(ConfigError, match=r"the weights COCO_WITH_VOC_LABELS_V1 have 21 classes, not 5\."):
        load_model(config_of(5), None)


def test_training_may_start_from_them_with_other_classes(published: torch.nn.Module) -> None:
    config = config_of(5)
    model = build_from_config(config)
    assert fill_initially(model, config) == (WEIGHTS, ["classifier.4.weight", "classifier.4.bias"])
    key = "backbone.0.0.weight"
    assert torch.equal(model.get_parameter(key), published.get_parameter(key))


def test_a_downloaded_file_is_a_checkpoint(published: torch.nn.Module, downloads: Path) -> None:
    model = build_model("deeplabv3_mobilenet_v3_large", 21)
    load_weights(model, next(downloads.iterdir()))
    assert torch.equal(model.get_parameter("classifier.4.bias"), published.get_parameter("classifier.4.bias"))


def test_no_internet(downloads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        CheckpointError, match=rf"{FAST}: the weights {WEIGHTS} are not available from https://.*Connection"
    ):
        load_model(config_of(21, FAST), None)


def test_weights_from_nowhere() -> None:
    with pytest.raises(ConfigError, match=r"Neither a checkpoint nor MODEL\.WEIGHTS is given"):
        load_model(config_of(21, weights=None), None)


def test_a_checkpoint_file(tmp_path: Path) -> None:
    config = config_of(3, FAST, weights=None)
    saved = build_from_config(config)
    save_weights(tmp_path / "a.safetensors", saved.state_dict())
    loaded = load_model(config, tmp_path / "a.safetensors")
    assert all(torch.equal(value, saved.state_dict()[key]) for key, value in loaded.state_dict().items())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"NAME": "DeepLabV2_ResNet50", "WEIGHTS": WEIGHTS},
            r"MODEL\.WEIGHTS of DeepLabV2_ResNet50 must be IMAGENET1K_V1 or IMAGENET1K_V2, got",
        ),
        ({"NAME": FAST, "WEIGHTS": WEIGHTS, "INIT_MODEL": "a.pth"}, r"MODEL\.WEIGHTS and INIT_MODEL are two sources"),
    ],
)
def test_contradictions_in_the_config(model: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config({"DATASET": {"N_CLASSES": 21}, "MODEL": model}, "test")
