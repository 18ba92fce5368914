"""Images on their way through a folder's pipeline: large ones, those on a map, and how sure the model is of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor, nn

from deeplab.images.files import read_image
from deeplab.images.masks import read_mask
from deeplab.inference import pipeline
from deeplab.inference.folder import segment_folder
from deeplab.inference.manifest import read_manifest
from deeplab.inference.output import find_mask, mask_path
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import SilentReporter, Stopped
from tests.deeplab.inference.conftest import CLASS_NAMES, draw, tiny_config, tiny_segmenter


@pytest.mark.parametrize("inference", [{}, {"MODE": "slide", "WINDOW": 32}])
def test_large_images_go_one_by_one_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inference: dict[str, object]
) -> None:
    segmenter = tiny_segmenter(INFERENCE=inference)
    for number in range(3):
        tifffile.imwrite(
            tmp_path / "in" / f"{number}.tif", draw(tmp_path / "in" / f"{number}.png", 60, 80), tile=(32, 32)
        )
    (tmp_path / "in" / "bad.tif").write_bytes((tmp_path / "in" / "0.tif").read_bytes()[:-3000])
    segment_folder(segmenter, tmp_path / "in", tmp_path / "small", SilentReporter(), overlays=True)
    monkeypatch.setattr("deeplab.inference.pipeline._LARGE_PIXELS", 1000)
    monkeypatch.setattr("deeplab.inference.pipeline._OVERLAY_SIDE", 40)
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "large", SilentReporter(), overlays=True)
    assert (summary.n_ok, summary.n_error) == (6, 1)
    small, large = (
        {row.path: row for row in read_manifest(tmp_path / name / "manifest.csv")} for name in ("small", "large")
    )
    assert {name: row.pixels for name, row in small.items()} == {name: row.pixels for name, row in large.items()}
    assert large["bad.tif"].error == f"{tmp_path / 'in' / 'bad.tif'}: cannot be read: the file is truncated."
    assert read_image(tmp_path / "large" / "overlays" / "0.tif.jpg").shape == (30, 40, 3)


def test_a_large_image_is_left_when_the_run_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplab.inference.pipeline._LARGE_PIXELS", 1000)
    draw(tmp_path / "in" / "a.png", 200, 60)

    class Impatient(SilentReporter):
        asked = 0

        def should_stop(self) -> bool:
            self.asked += 1
            return self.asked > 3

    segmenter = tiny_segmenter(INFERENCE={"MODE": "slide", "WINDOW": 32})
    with pytest.raises(Stopped, match="Stopped after 0 of 1 images"):
        segment_folder(segmenter, tmp_path / "in", tmp_path / "out", Impatient())
    assert not mask_path(tmp_path / "out", "a.png").exists()


def test_the_mask_of_an_image_on_a_map_is_on_the_map(tmp_path: Path, segmenter: Segmenter) -> None:
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    scale = (33550, 12, 3, (2.0, 2.0, 0.0), True)
    tifffile.imwrite(tmp_path / "in" / "a.tif", pixels, extratags=[scale])
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    path = find_mask(tmp_path / "out", "a.tif")
    assert path == tmp_path / "out" / "masks" / "a.tif.tif"
    assert np.array_equal(read_mask(path), segmenter.predict([pixels])[0])
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.tags[33550].value == scale[3]
    assert summary.n_ok == 1
    assert segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter()).n_skipped == 1


def test_an_image_of_which_the_model_says_no_number_is_a_row(tmp_path: Path) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x.mean() > 0, torch.inf, x)

    config = tiny_config(DATASET={"N_CLASSES": 3}, RUNTIME={"PRECISION": "fp16"})
    segmenter = Segmenter(Broken(), config, CLASS_NAMES[:3], "cpu")
    for name, grey in (("dark.png", 0), ("light.png", 255)):
        draw(tmp_path / "in" / name)
        Image.new("RGB", (30, 20), (grey, grey, grey)).save(tmp_path / "in" / name)
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    assert (summary.n_ok, summary.n_error) == (1, 1)
    dark, light = read_manifest(tmp_path / "out" / "manifest.csv")
    assert (dark.status, light.status, light.width) == ("ok", "error", 30)
    assert light.error.startswith(f"{tmp_path / 'in' / 'light.png'}: The model's output is NaN or infinite: ")
    assert light.error.endswith("set RUNTIME.PRECISION to bf16 or fp32.")
    assert not mask_path(tmp_path / "out", "light.png").exists()


@pytest.mark.parametrize("options", [{}, {"crf": True}, {"INFERENCE": {"MODE": "slide", "WINDOW": 32}}])
@pytest.mark.parametrize("large", [False, True])
def test_confidence_is_written_and_its_means_are_in_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], large: bool
) -> None:
    if large:
        monkeypatch.setattr("deeplab.inference.pipeline._LARGE_PIXELS", 1000)
    segmenter = tiny_segmenter(**options)
    image = draw(tmp_path / "in" / "sub" / "a.png", 40, 60)

    segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter(), confidence=True)

    (row,) = read_manifest(tmp_path / "out" / "manifest.csv")
    labels = read_mask(tmp_path / "out" / "masks" / "sub" / "a.png.png")
    assert np.array_equal(labels, segmenter.predict([image])[0])
    with Image.open(tmp_path / "out" / "confidence" / "sub" / "a.png.png") as opened:
        assert opened.mode == "L"
        confidence = np.asarray(opened) / 255
    assert row.certainty is not None
    assert row.certainty.top == pytest.approx(confidence.mean(), abs=0.003)
    assert row.certainty.label_quality is None
    by_class = {int(index): confidence[labels == index].mean() for index in np.unique(labels)}
    assert row.certainty.top_by_class == pytest.approx(by_class, abs=0.003)
    if not options:
        probs = segmenter.predictions([image])[0].logits()[None].float()
        resized = torch.nn.functional.interpolate(probs, size=(40, 60), mode="bilinear", align_corners=False)
        assert row.certainty.top == pytest.approx(resized.softmax(dim=1).amax(dim=1).mean().item(), abs=1e-4)


def test_an_image_without_its_confidence_is_segmented_again(segmenter: Segmenter, tmp_path: Path) -> None:
    draw(tmp_path / "in" / "a.png")
    arguments = (segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    segment_folder(*arguments)
    assert not (tmp_path / "out" / "confidence").exists()
    assert [row.certainty for row in read_manifest(tmp_path / "out" / "manifest.csv")] == [None]
    assert segment_folder(*arguments, confidence=True).n_skipped == 0
    assert segment_folder(*arguments, confidence=True).n_skipped == 1
    (tmp_path / "out" / "confidence" / "a.png.png").unlink()
    assert segment_folder(*arguments, confidence=True).n_skipped == 0


def test_an_image_of_too_many_pixels_is_a_row(tmp_path: Path) -> None:
    draw(tmp_path / "in" / "a.png", 20, 30)
    draw(tmp_path / "in" / "b.png", 20, 20)
    segmenter = tiny_segmenter(IMAGE={"MAX_PIXELS": 599})
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    assert (summary.n_ok, summary.n_error) == (1, 1)
    error = read_manifest(tmp_path / "out" / "manifest.csv")[0].error
    assert error == f"{tmp_path / 'in' / 'a.png'}: has 30x20 pixels, more than IMAGE.MAX_PIXELS, which is 599."


@pytest.mark.parametrize("budget", [1, 700, 1500])
def test_a_budget_of_pixels_changes_no_result(
    tmp_path: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    for number in range(12):
        draw(tmp_path / "in" / f"{number:02}.png", 20, 20 + number % 3, seed=number)
    segment_folder(segmenter, tmp_path / "in", tmp_path / "free", SilentReporter(), batch_size=3)
    monkeypatch.setattr(pipeline, "_PIXELS_IN_FLIGHT", budget)
    segment_folder(segmenter, tmp_path / "in", tmp_path / "bounded", SilentReporter(), batch_size=3)
    for number in range(12):
        masks = [read_mask(mask_path(tmp_path / out, f"{number:02}.png")) for out in ("free", "bounded")]
        assert np.array_equal(masks[0], masks[1])
