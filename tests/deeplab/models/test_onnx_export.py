"""onnxruntime computes from the exported file what PyTorch computes."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from deeplab.config import Config, parse_config
from deeplab.errors import ConfigError
from deeplab.models.build import build_from_config
from deeplab.models.onnx_export import export_onnx

LABELS = ["road", "sky", "tree"]


def config_of(name: str, **settings: Any) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": 3}, "MODEL": {"NAME": name, **settings}}, "test")


def exported(
    path: Path, config: Config, size: tuple[int, int] | None = None
) -> tuple[torch.nn.Module, onnxruntime.InferenceSession]:
    torch.manual_seed(0)
    model = build_from_config(config).eval()
    export_onnx(model, config, LABELS, path, size=size)
    return model, onnxruntime.InferenceSession(path)


def largest_error(model: torch.nn.Module, session: onnxruntime.InferenceSession, shape: tuple[int, ...]) -> float:
    """Relative to the largest logit."""
    image = 50 * torch.randn(shape)
    with torch.no_grad():
        expected = model(image).numpy()
    (logits,) = session.run(["logits"], {"image": image.numpy()})
    assert logits.shape == expected.shape
    return float(np.abs(logits - expected).max() / np.abs(expected).max())


@pytest.mark.slow
def test_images_of_any_size_on_several_scales(tmp_path: Path) -> None:
    config = config_of("DeepLabV2_ResNet50_MSC", N_BLOCKS=[1, 1, 1, 1], WIDTH=4)
    model, session = exported(tmp_path / "new" / "model.onnx", config)

    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    for shape in [(1, 3, 97, 129), (2, 3, 64, 100), (1, 3, 17, 33), (1, 3, 131, 18)]:
        assert largest_error(model, session, shape) < 1e-4
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.onnx"]


def test_one_size(tmp_path: Path) -> None:
    config = config_of("DeepLabV3Plus_ResNet50", N_BLOCKS=[1, 1, 1, 1], WIDTH=4)
    model, session = exported(tmp_path / "model.onnx", config, (65, 97))

    assert session.get_inputs()[0].shape == [1, 3, 65, 97]
    assert largest_error(model, session, (1, 3, 65, 97)) < 1e-4
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["labels"]) == LABELS
    assert json.loads(metadata["mean_bgr"]) == [104.008, 116.669, 122.675]


def test_torchvisions_models(tmp_path: Path) -> None:
    model, session = exported(tmp_path / "model.onnx", config_of("lraspp_mobilenet_v3_large"), (64, 81))
    assert largest_error(model, session, (1, 3, 64, 81)) < 1e-4


def test_without_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    config = config_of("DeepLabV2_ResNet50", N_BLOCKS=[1, 1, 1, 1], WIDTH=4)
    with pytest.raises(ConfigError, match=r"^Exporting needs onnxscript; the extra deeplab-platform\[export\] brings"):
        export_onnx(build_from_config(config), config, LABELS, tmp_path / "model.onnx")


def test_a_size_of_nothing(tmp_path: Path) -> None:
    config = config_of("DeepLabV2_ResNet50", N_BLOCKS=[1, 1, 1, 1], WIDTH=4)
    with pytest.raises(ConfigError, match="must be positive, got 0x64"):
        export_onnx(build_from_config(config), config, LABELS, tmp_path / "model.onnx", size=(0, 64))
