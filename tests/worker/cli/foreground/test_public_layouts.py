"""The verbs on each public dataset's own arrangement of files."""

import json
from pathlib import Path

import pytest

from deeplab.inference.manifest import read_manifest
from tests.configs import tiny_model, write_config
from tests.deeplab.datasets.arrangements import arrange, draw_sources
from tests.worker.cli.conftest import Deeplab

_N_CLASSES = 11
# Frozen batch norm would let the activations of random weights explode.
_SOLVER = {"FREEZE_BN": False, "ITER_MAX": 2, "ITER_SIZE": 1, "ITER_SAVE": 2, "BATCH_SIZE": {"TRAIN": 2}, "LR": 1e-3}


@pytest.mark.parametrize("layout", ["voc", "vocaug", "cocostuff10k", "cocostuff164k"])
def test_every_verb(deeplab: Deeplab, tmp_path: Path, layout: str) -> None:
    train, val = (draw_sources(tmp_path / f"{seed}", n=2, n_classes=_N_CLASSES, seed=seed) for seed in (0, 1))
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{index}\tclass {index}\n" for index in range(_N_CLASSES)))
    dataset = {"N_CLASSES": _N_CLASSES, "LABELS": str(labels), **arrange(layout, tmp_path / "root", train, val)}
    config = write_config(
        tmp_path,
        EXP={"ID": layout, "OUTPUT_DIR": str(tmp_path / "out")},
        DATASET=dataset,
        IMAGE={"SIZE": {"TRAIN": 97, "TEST": 129}},
        MODEL=tiny_model("DeepLabV2_ResNet50_MSC"),
        SOLVER=_SOLVER,
        CRF={"ITER_MAX": 1},
    )
    assert deeplab("dataset", "check", "-c", config, "-j", 1).exit_code == 0
    trained = deeplab("train", "-c", config, "--cpu", "--json")
    assert trained.exit_code == 0, trained.output
    model = json.loads(trained.stdout)["checkpoint"]
    for verb in (("test", "-m", model, "--cpu"), ("crf", "-j", "1")):
        scored = deeplab(verb[0], "-c", config, *verb[1:], "--json")
        assert scored.exit_code == 0, scored.output
        assert 0 <= json.loads(scored.stdout)["Mean IoU"] <= 1
    figure = tmp_path / "figure.png"
    assert deeplab("single", "-c", config, "-m", model, "-i", val[0].image, "-o", figure, "--cpu").exit_code == 0
    assert figure.is_file()
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").write_bytes(val[0].image.read_bytes())
    assert deeplab("segment", "-c", config, "-m", model, images, tmp_path / "masks", "--cpu").exit_code == 0
    assert [row.status for row in read_manifest(tmp_path / "masks/manifest.csv")] == ["ok"]
