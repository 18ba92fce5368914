from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from deeplab.config import Config, parse_config
from deeplab.crf.build import build_crf, view_of
from deeplab.crf.refinement import refine
from deeplab.errors import DatasetError
from deeplab.images.masks import read_mask
from deeplab.reporter import SilentReporter, Stopped
from deeplab.scores.boundaries import boundary_overlaps
from deeplab.scores.image_scores import ImageScores
from deeplab.scores.metrics import ConfusionMatrix
from tests.deeplab.crf.conftest import N_CLASSES, N_IMAGES
from tests.reporters import Recorder


@pytest.mark.parametrize("seen", ["image", "original"])
def test_scores_and_masks_are_those_of_the_original_steps(tmp_path: Path, config: Config, seen: str) -> None:
    config = parse_config(config.model_dump(mode="json"), "test", [f"CRF.IMAGE={seen}"])
    scores = refine(config, tmp_path / "logits", SilentReporter(), jobs=2, masks_dir=tmp_path / "refined")
    matrix = ConfusionMatrix(N_CLASSES)
    for number in range(N_IMAGES):
        logits = torch.from_numpy(np.load(tmp_path / "logits" / "sub" / f"{number}.npy")).float()[None]
        probs = functional.interpolate(logits, size=(24, 32), mode="bilinear", align_corners=False).softmax(dim=1)[0]
        image = np.array(Image.open(tmp_path / "images" / "sub" / f"{number}.png"))
        labels = build_crf(config.CRF)(view_of(config)(image), probs.numpy()).argmax(axis=0)
        assert (read_mask(tmp_path / "refined" / "sub" / f"{number}.png") == labels).mean() > 0.999
        matrix.update(np.array(Image.open(tmp_path / "masks" / "sub" / f"{number}.png")), labels)
    assert scores["n_images"] == N_IMAGES
    assert scores["mean_iou"] == pytest.approx(matrix.scores()["mean_iou"], abs=1e-3)


def test_an_observer_hears_of_each_image_with_the_certainty_of_q(tmp_path: Path, config: Config) -> None:
    heard: list[ImageScores] = []
    plain = refine(config, tmp_path / "logits", SilentReporter(), jobs=2)

    scores = refine(
        config,
        tmp_path / "logits",
        SilentReporter(),
        jobs=2,
        masks_dir=tmp_path / "refined",
        confidence_dir=tmp_path / "confidence",
        observe=heard.append,
        boundary_iou=True,
    )

    assert np.array_equal(scores.confusion, plain.confusion)
    assert [each.id for each in heard] == [f"sub/{number}" for number in range(N_IMAGES)]
    for number, each in enumerate(heard):
        logits = torch.from_numpy(np.load(tmp_path / "logits" / "sub" / f"{number}.npy")).float()[None]
        probs = functional.interpolate(logits, size=(24, 32), mode="bilinear", align_corners=False).softmax(dim=1)[0]
        image = np.array(Image.open(tmp_path / "images" / "sub" / f"{number}.png"))
        top = build_crf(config.CRF)(view_of(config)(image), probs.numpy()).max(axis=0)
        truth = np.array(Image.open(tmp_path / "masks" / "sub" / f"{number}.png"))
        labels = read_mask(tmp_path / "refined" / "sub" / f"{number}.png")
        assert each.certainty is not None
        assert each.certainty.top == pytest.approx(top.mean(), abs=1e-3)
        assert each.boundaries == boundary_overlaps(truth, labels, N_CLASSES)
        confidence = np.array(Image.open(tmp_path / "confidence" / "sub" / f"{number}.png"))
        assert np.abs(confidence / 255 - top).mean() < 0.003
    assert "boundary_iou" in scores


def test_stops_after_an_image_when_asked_to(tmp_path: Path, config: Config) -> None:
    reporter = Recorder(stop_after=0)
    with pytest.raises(Stopped, match="Stopped after 1 of 3 images"):
        refine(config, tmp_path / "logits", reporter, jobs=1)
    assert reporter.progressed == [(0, 3, "image"), (1, 3, "image")]


def test_missing_damaged_and_unfit_logits_are_refused(tmp_path: Path, config: Config) -> None:
    logits = tmp_path / "logits" / "sub" / "1.npy"
    np.save(logits, np.zeros((3, 4, 5), np.float16))
    with pytest.raises(DatasetError, match=r"1\.npy: expected logits of 4 classes, got shape \(3, 4, 5\)"):
        refine(config, tmp_path / "logits", SilentReporter(), jobs=1)
    logits.write_bytes(logits.read_bytes()[:100])
    with pytest.raises(DatasetError, match=r"1\.npy: the logits cannot be read"):
        refine(config, tmp_path / "logits", SilentReporter(), jobs=1)
    logits.unlink()
    with pytest.raises(DatasetError, match=r"logits: the logits of 1 of 3 images are missing \(sub/1\); evaluate the"):
        refine(config, tmp_path / "logits", SilentReporter(), jobs=1)
