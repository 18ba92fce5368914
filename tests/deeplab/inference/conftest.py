"""A model that is small enough to segment images within milliseconds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deeplab.config import Config, parse_config
from deeplab.inference.segmenter import Segmenter
from deeplab.models.build import build_from_config
from tests.configs import tiny_model

CLASS_NAMES = ["background", "circle", "square", "triangle"]


def tiny_config(**sections: object) -> Config:
    keys: dict[str, object] = {
        "DATASET": {"N_CLASSES": 4},
        "IMAGE": {"SIZE": {"TEST": 64}},
        "MODEL": tiny_model("DeepLabV2_ResNet50_MSC"),
    }
    return parse_config({**keys, **sections}, "test")


def tiny_segmenter(seed: int = 0, *, crf: bool = False, **sections: object) -> Segmenter:
    torch.manual_seed(seed)
    config = tiny_config(**sections)
    model = build_from_config(config)
    for name, value in model.named_parameters():
        if name.endswith("weight") and value.ndim == 4:  # far from zero, so that all classes occur
            torch.nn.init.normal_(value, std=0.3)
    return Segmenter(model.eval(), config, CLASS_NAMES, "cpu", crf=crf)


@pytest.fixture(scope="session")
def segmenter() -> Segmenter:
    return tiny_segmenter()


def draw(path: Path, height: int = 20, width: int = 30, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels
