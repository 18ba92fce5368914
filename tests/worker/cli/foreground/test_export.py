import json
from pathlib import Path

import onnxruntime
import pytest

from tests.configs import tiny_model, write_config, write_weights
from tests.worker.cli.conftest import Deeplab


@pytest.fixture
def config(tmp_path: Path) -> Path:
    labels = tmp_path / "labels.txt"
    labels.write_text("0\troad\n1\tsky\n")
    return write_config(tmp_path, DATASET={"N_CLASSES": 2, "LABELS": str(labels)}, MODEL=tiny_model())


def test_export(deeplab: Deeplab, tmp_path: Path, config: Path) -> None:
    output = tmp_path / "model.onnx"

    result = deeplab("export", "-c", config, "-m", write_weights(config), "-o", output, "--size", 33, 65)

    assert result.stdout == f"{output}\n", result.output
    session = onnxruntime.InferenceSession(output)
    assert session.get_inputs()[0].shape == [1, 3, 33, 65]
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == ["road", "sky"]


def test_without_weights(deeplab: Deeplab, tmp_path: Path, config: Path) -> None:
    result = deeplab("export", "-c", config, "-o", tmp_path / "model.onnx")
    assert result.exit_code == 1
    assert result.output == "Error: Neither a checkpoint nor MODEL.WEIGHTS is given.\n"
