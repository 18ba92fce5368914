"""Every configuration that comes with the platform runs as the documentation says, without a change to the file."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from deeplab.config import load_config
from deeplab.datasets.class_names import load_class_names
from deeplab.inference.manifest import read_manifest
from deeplab.models.build import build_from_config
from deeplab.releases import RELEASES
from tests.deeplab.datasets.arrangements import arrange, draw_sources
from tests.deeplab.drawing import draw_folder
from tests.deeplab.video.filming import film
from tests.paths import CONFIGS
from tests.worker.cli.conftest import Deeplab
from worker.jobs import storage

_NAMES = sorted(path.name for path in CONFIGS.glob("*.yaml"))
_SMALL = ("MODEL.WIDTH=4", "MODEL.N_BLOCKS=[1, 1, 1, 1]", "IMAGE.SIZE.TEST=65", "CRF.ITER_MAX=1")
_SHORT = ("SOLVER.ITER_MAX=1", "SOLVER.ITER_SIZE=1", "SOLVER.BATCH_SIZE.TRAIN=1", "IMAGE.SIZE.TRAIN=65")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a clone with a photo and a video, and no display."""
    shutil.copytree(CONFIGS, tmp_path / "clone" / "configs")
    monkeypatch.chdir(tmp_path / "clone")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    draw_sources(Path("photos"), n=1, n_classes=2)
    shutil.copy("photos/000.jpg", "photo.jpg")
    return tmp_path / "clone"


def overrides(name: str) -> list[str]:
    """What makes the model of a config small; torchvision's are as they are."""
    is_ours = not load_config(CONFIGS / name).MODEL.NAME.islower()
    return _as_options(_SMALL if is_ours else _SMALL[2:])


def _as_options(keys: tuple[str, ...]) -> list[str]:
    return [part for key in keys for part in ("--set", key)]


def save_weights(name: str, path: Path) -> Path:
    """Random weights for the model of a config."""
    torch.manual_seed(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(build_from_config(load_config(CONFIGS / name, overrides(name)[1::2])).state_dict(), path)
    return path


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.usefixtures("clone")
def test_single_segment_and_live(deeplab: Deeplab, name: str) -> None:
    model = save_weights(name, Path("W.pth"))
    options = ["-c", f"configs/{name}", "-m", model, *overrides(name), "--cpu"]
    single = deeplab("single", *options, "-i", "photo.jpg")
    assert single.exit_code == 0, single.output
    assert Path("photo_labels.png").is_file()
    names = load_class_names(Path(load_config(Path("configs") / name).DATASET.LABELS or ""))
    assert any(line.startswith(each) for each in names for line in single.stdout.splitlines()), single.stdout
    segment = deeplab("segment", *options, "photos", "masks")
    assert segment.exit_code == 0, segment.output
    assert {row.status for row in read_manifest(Path("masks/manifest.csv"))} == {"ok"}
    live = deeplab("live", *options, "--video", film(Path("street.mp4"), n=1))
    assert live.exit_code == 0, live.output


@pytest.mark.usefixtures("clone")
def test_the_published_weights_of_torchvision(deeplab: Deeplab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", os.path.abspath("torch"))  # noqa: PTH100
    file_name = RELEASES["lraspp_mobilenet_v3_large"].file_name
    save_weights("voc12-lraspp.yaml", Path("torch/hub/checkpoints") / file_name)
    ended = deeplab("single", "-c", "configs/voc12-lraspp.yaml", "-i", "photo.jpg", "--cpu")
    assert ended.exit_code == 0, ended.output


@pytest.mark.parametrize("name", ["voc12.yaml", "cocostuff10k.yaml", "cocostuff164k.yaml", "camvid-small.yaml"])
@pytest.mark.usefixtures("clone")
def test_train_test_and_crf_where_the_data_set_is_expected(deeplab: Deeplab, name: str) -> None:
    config = load_config(Path("configs") / name)
    assert config.DATASET.ROOT is not None
    if config.DATASET.NAME == "folder":
        draw_folder(Path(config.DATASET.ROOT), n_images=1)
    else:
        train, val = (draw_sources(Path(f"{seed}"), n=1, n_classes=2, seed=seed) for seed in (0, 1))
        arrange(config.DATASET.NAME, Path(config.DATASET.ROOT), train, val)
    if config.MODEL.INIT_MODEL is not None:
        save_weights(name, Path(config.MODEL.INIT_MODEL))
    options = ["-c", f"configs/{name}", *overrides(name)]
    check = deeplab("dataset", "check", *options[1:], "-j", 1)
    assert check.exit_code == 0, check.output
    training = deeplab("train", *options, *_as_options(_SHORT), "--cpu")
    assert training.exit_code == 0, training.output
    (model,) = Path("data/models").rglob("checkpoint_final.pth")
    for verb in (("test", "-m", model, "--cpu"), ("crf", "-j", "1")):
        scored = deeplab(verb[0], *options, *verb[1:])
        assert scored.exit_code == 0, scored.output
        assert "Mean IoU" in scored.stdout


@pytest.mark.parametrize("name", _NAMES)
def test_labels_are_found_from_any_folder(clone: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir("/")
    config = load_config(clone / "configs" / name)
    assert config.DATASET.LABELS is not None
    path = Path(config.DATASET.LABELS)
    assert path.parent == clone / "configs" / "labels"
    assert len(load_class_names(path, config.DATASET.N_CLASSES)) == config.DATASET.N_CLASSES


@pytest.mark.usefixtures("clone")
def test_from_the_installed_package(deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "deeplab"
    shutil.copytree(CONFIGS, package / "configs")  # as pyproject.toml has it
    monkeypatch.setattr("deeplab.__file__", str(package / "__init__.py"))
    assert storage.configs_dir() == package / "configs"
    model = save_weights("voc12.yaml", Path("W.pth"))
    shutil.rmtree("configs")
    config = storage.configs_dir() / "voc12.yaml"
    ended = deeplab("single", "-c", config, "-m", model, *overrides("voc12.yaml"), "-i", "photo.jpg", "--cpu")
    assert ended.exit_code == 0, ended.output
