"""Configurations of models so small that tests can run them."""

from pathlib import Path
from typing import Any

import yaml

from tests.deeplab.drawing import draw_folder


def tiny_model(name: str = "DeepLabV2_ResNet50", **keys: Any) -> dict[str, Any]:
    """The section MODEL of a DeepLab v2 with one block in each layer, and 4 channels where the original has 64."""
    return {"NAME": name, "N_BLOCKS": [1, 1, 1, 1], "ATROUS_RATES": [1, 2], "WIDTH": 4, **keys}


def write_config(folder: Path, **sections: Any) -> Path:
    """A configuration file; without a section DATASET, on two drawn images beside it."""
    path = folder / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if "DATASET" not in sections:
        drawn = folder / "drawn"
        sections["DATASET"] = {"N_CLASSES": 3, "ROOT": str(drawn if drawn.exists() else draw_folder(drawn, n_images=2))}
    path.write_text(yaml.safe_dump(sections))
    return path


def write_weights(config: Path) -> Path:
    """Random weights, always the same, of the model that a configuration file describes; they lie beside it."""
    import torch  # here, for most tests of the command line run without it

    from deeplab.config import load_config
    from deeplab.models.build import build_from_config

    path = config.with_name("weights.pth")
    torch.manual_seed(0)
    torch.save(build_from_config(load_config(config)).state_dict(), path)
    return path
