"""The networks compute what the original's compute."""

import json

import numpy as np
import pytest
import torch

from deeplab.models.batch_norm import freeze_batch_norm
from deeplab.models.build import build_model
from tests.golden import GOLDEN
from tests.golden.fill import fill, image

NAMES = [
    ("ResNet101", 1000),
    ("DeepLabV1_ResNet101", 91),
    ("DeepLabV2_ResNet101_MSC", 21),
    ("DeepLabV2_ResNet101_MSC", 182),
    ("DeepLabV2S_ResNet101_MSC", 21),
    ("DeepLabV3_ResNet101_MSC", 21),
    ("DeepLabV3Plus_ResNet101_MSC", 21),
]


def relative_error(ours: torch.Tensor, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape
    return float(np.abs(ours.detach().numpy() - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize(("name", "n_classes"), NAMES)
def test_outputs_and_keys(name: str, n_classes: int) -> None:
    keys = json.loads((GOLDEN / "state_dict_keys.json").read_text())[f"{name}/{n_classes}"]
    theirs = np.load(GOLDEN / "forward.npz")
    model = build_model(name, n_classes)
    state = model.state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == keys

    model.load_state_dict(fill(state))
    inputs = image(65, 97, seed=7)
    with torch.no_grad():
        assert relative_error(model.eval()(inputs), theirs[f"{name}__{n_classes}"]) < 1e-4
        if name.endswith("_MSC") and n_classes == 21:
            freeze_batch_norm(model.train())
            for i, output in enumerate(model(inputs)):
                assert relative_error(output, theirs[f"{name}__{n_classes}__train{i}"]) < 1e-4


@pytest.mark.parametrize("name", ["DeepLabV3_ResNet101_MSC", "DeepLabV3Plus_ResNet101_MSC"])
def test_output_stride_8(name: str) -> None:
    model = build_model(name, 21, output_stride=8).eval()
    model.load_state_dict(fill(model.state_dict()))
    with torch.no_grad():
        logits = model(image(65, 97, seed=7))
    assert relative_error(logits, np.load(GOLDEN / "forward.npz")[f"{name}__21__os8"]) < 1e-4
