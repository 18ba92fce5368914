import json
from pathlib import Path

import onnxruntime
import pytest
import yaml

from deeplab.config import load_config
from deeplab.models.build import build_from_config
from deeplab.models.weights import save_weights
from tests.worker.cli.conftest import Deeplab


@pytest.fixture
def config(tmp_path: Path) -> Path:
    labels = tmp_path / "labels.txt"
    labels.write_text("0\troad\n1\tsky\n")
    path = tmp_path / "config.yaml"
    model = {"NAME": "DeepLabV1_ResNet50", "N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4}
    path.write_text(yaml.safe_dump({"DATASET": {"N_CLASSES": 2, "LABELS": str(labels)}, "MODEL": model}))
    return path


def test_export(deeplab: Deeplab, tmp_path: Path, config: Path) -> None:
    weights, output = tmp_path / "weights.pth", tmp_path / "model.onnx"
    save_weights(weights, build_from_config(load_config(config)).state_dict())

    result = deeplab("export", "-c", config, "-m", weights, "-o", output, "--size", 33, 65)

    assert result.stdout == f"{output}\n", result.output
    session = onnxruntime.InferenceSession(output)
    assert session.get_inputs()[0].shape == [1, 3, 33, 65]
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == ["road", "sky"]


def test_without_weights(deeplab: Deeplab, tmp_path: Path, config: Path) -> None:
    result = deeplab("export", "-c", config, "-o", tmp_path / "model.onnx")
    assert result.exit_code == 1
    assert result.output == "Error: Neither a checkpoint nor MODEL.WEIGHTS is given.\n"
