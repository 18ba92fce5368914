from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from deeplab.errors import CheckpointError, ConfigError, DatasetError, DeepLabError, LabelError
from deeplab.inference.label_maps import best_classes
from deeplab.inference.segmenter import Segmenter
from deeplab.models.build import build_from_config
from tests.deeplab.inference.conftest import CLASS_NAMES, tiny_config, tiny_segmenter


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (2, 3), (64, 64), (65, 40), (300, 200), (1000, 3)])
def test_label_maps_have_the_size_of_the_image(segmenter: Segmenter, height: int, width: int) -> None:
    (labels,) = segmenter.predict([random_image(height, width)])
    assert labels.shape == (height, width)
    assert labels.dtype == np.uint8
    assert labels.max() < 4


def test_labels_are_the_argmax_of_upsampled_logits_of_bgr_minus_mean(segmenter: Segmenter) -> None:
    image = random_image(40, 60)
    model_input = image[..., ::-1].astype(np.float32) - np.array([104.008, 116.669, 122.675], np.float32)
    logits = segmenter.model(torch.from_numpy(model_input).permute(2, 0, 1)[None])
    expected = functional.interpolate(logits, size=(40, 60), mode="bilinear", align_corners=False).argmax(dim=1)[0]
    (labels,) = segmenter.predict([image])
    assert len(np.unique(labels)) > 1
    assert (labels == expected.numpy()).mean() > 0.999


def test_images_larger_than_those_of_single_keep_their_size(segmenter: Segmenter) -> None:
    large = random_image(128, 200)
    (labels,) = segmenter.predict([large])
    logits = segmenter.logits([large])
    expected = functional.interpolate(logits, size=(128, 200), mode="bilinear", align_corners=False).argmax(dim=1)[0]
    assert (labels == expected.numpy()).mean() > 0.999


def test_the_other_images_of_a_batch_change_nothing(segmenter: Segmenter) -> None:
    images = [random_image(30, 40, seed) for seed in range(3)] + [random_image(20, 50, 3), random_image(60, 80, 4)]
    together = segmenter.predict(images)
    for image, labels in zip(images, together, strict=True):
        assert (segmenter.predict([image])[0] == labels).mean() > 0.999
    assert segmenter.predict([]) == []


class _Narrow(nn.Module):
    """A model on a device that has room for so many images only."""

    def __init__(self, room: int, on_call: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self.room = room
        self.on_call = on_call

    def forward(self, x: Tensor) -> Tensor:
        self.on_call(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x


def test_a_batch_that_does_not_fit_is_labelled_image_by_image(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    segmenter = Segmenter(_Narrow(room=1, on_call=calls.append), tiny_config(), CLASS_NAMES, "cpu")
    images = [random_image(8, 8, seed) for seed in range(3)]
    assert len(segmenter.predict(images)) == 3
    segmenter.predict(images)
    assert calls == [3, 1, 1, 1, 1, 1, 1]
    assert caplog.messages == ["A batch of 3 images does not fit into memory; images go one by one."]


def test_an_image_that_does_not_fit_is_one_sentence() -> None:
    segmenter = Segmenter(_Narrow(room=0), tiny_config(), CLASS_NAMES, "cpu")
    with pytest.raises(
        DeepLabError, match=r"An image of 30x20 pixels does not fit into the memory of cpu; set INFERENCE\.MODE"
    ):
        segmenter.predict([random_image(20, 30)])


def test_a_classifier_is_refused() -> None:
    segmenter = tiny_segmenter(MODEL={"NAME": "ResNet50", "N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4})
    with pytest.raises(ConfigError, match="ResNet50 classifies whole images"):
        segmenter.predict([random_image(20, 30)])


def test_from_checkpoint_loads_weights_and_labels(tmp_path: Path, segmenter: Segmenter) -> None:
    torch.save(segmenter.model.state_dict(), tmp_path / "weights.pth")
    (tmp_path / "labels.txt").write_text("0\tsky\n1\ttree\n2\troad\n3\tcar\n")
    config = tiny_config(DATASET={"N_CLASSES": 4, "LABELS": str(tmp_path / "labels.txt")})
    loaded = Segmenter.from_checkpoint(config, tmp_path / "weights.pth", "cpu")
    assert loaded.class_names == ["sky", "tree", "road", "car"]
    assert np.array_equal(loaded.predict([random_image(20, 30)])[0], segmenter.predict([random_image(20, 30)])[0])
    assert loaded.settings()["weights"] == segmenter.settings()["weights"]
    assert Segmenter.from_checkpoint(tiny_config(), tmp_path / "weights.pth", "cpu").class_names[3] == "class 3"

    with pytest.raises(DatasetError, match=r"names 4 classes, but DATASET\.N_CLASSES is 3"):
        Segmenter.from_checkpoint(
            tiny_config(DATASET={"N_CLASSES": 3, "LABELS": str(tmp_path / "labels.txt")}), tmp_path / "weights.pth"
        )
    with pytest.raises(CheckpointError, match="another model"):
        Segmenter.from_checkpoint(tiny_config(DATASET={"N_CLASSES": 5}), tmp_path / "weights.pth")


def test_other_weights_are_other_settings(segmenter: Segmenter) -> None:
    assert tiny_segmenter(seed=0).settings() == segmenter.settings()
    assert tiny_segmenter(seed=1).settings() != segmenter.settings()


def test_the_crf_works_at_the_size_of_the_image_and_batches_change_nothing() -> None:
    plain, refined = tiny_segmenter(), tiny_segmenter(crf=True, CRF={"POS_W": 30})
    images = [random_image(128, 200, seed) for seed in range(3)]
    label_maps = refined.predict(images)
    for image, labels in zip(images, label_maps, strict=True):
        assert labels.shape == (128, 200)
        assert (labels != plain.predict([image])[0]).any()
        assert np.array_equal(refined.predict([image])[0], labels)


def test_the_crf_and_its_parameters_are_settings() -> None:
    plain, refined = tiny_segmenter(), tiny_segmenter(crf=True)
    assert plain.settings()["crf"] is None
    assert refined.settings() == {
        **plain.settings(),
        "crf": {
            "ITER_MAX": 10,
            "POS_W": 3.0,
            "POS_XY_STD": 1.0,
            "BI_W": 4.0,
            "BI_XY_STD": 67.0,
            "BI_RGB_STD": 3.0,
            "EXACT": False,
        },
    }
    assert tiny_segmenter(crf=True, CRF={"BACKEND": "torch"}).settings() == refined.settings()
    assert tiny_segmenter(crf=True, CRF={"BI_W": 5}).settings() != refined.settings()


def test_the_model_stays_as_it_is() -> None:
    model = build_from_config(tiny_config())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    segmenter = Segmenter(model, tiny_config(RUNTIME={"PRECISION": "bf16"}), CLASS_NAMES, "cpu")
    segmenter.predict([random_image(20, 30)])
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_is_another_setting_and_nearly_the_same_labels(segmenter: Segmenter, precision: str) -> None:
    lower = tiny_segmenter(RUNTIME={"PRECISION": precision})
    images = [random_image(40, 60, seed) for seed in range(4)]
    same = [(a == b).mean() for a, b in zip(lower.predict(images), segmenter.predict(images), strict=True)]
    assert np.mean(same) > 0.95
    assert lower.logits(images).dtype == torch.float32
    assert {key for key, value in lower.settings().items() if value != segmenter.settings()[key]} == {"precision"}


@pytest.mark.gpu
def test_finding_the_classes_does_not_wait_for_the_gpu(segmenter: Segmenter) -> None:
    on_gpu = Segmenter(segmenter.model, segmenter.config, segmenter.class_names, "cuda")
    images = [random_image(40, 60, seed) for seed in range(2)]
    expected = on_gpu.predict(images)  # the first pass fills caches

    torch.cuda.set_sync_debug_mode("error")
    try:
        labels = [best_classes([each], 40, 60) for each in on_gpu.logits(images)]
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert all(np.array_equal(each.cpu().numpy(), other) for each, other in zip(labels, expected, strict=True))


class _Broken(nn.Module):
    """Says nothing but NaN of images with a pixel without blue, and of others which channel is the brightest."""

    def forward(self, x: Tensor) -> Tensor:
        without = x[:, :1].amin(dim=(2, 3), keepdim=True) < -103.9
        return torch.where(without, torch.nan, x)


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("inference", [{}, {"MODE": "slide", "WINDOW": 16}, {"FLIP": True}])
def test_a_model_that_says_no_number_labels_nothing(crf: bool, inference: dict[str, object]) -> None:
    config = tiny_config(DATASET={"N_CLASSES": 3}, INFERENCE=inference)
    segmenter = Segmenter(_Broken(), config, CLASS_NAMES[:3], "cpu", crf=crf)
    good, bad = np.maximum(random_image(20, 30), 1), random_image(20, 30, 1)
    bad[0, 0] = 0
    results = segmenter.label([good, bad, good])
    assert [isinstance(each, LabelError) for each in results] == [False, True, False]
    assert str(results[1]).startswith("The model's output is NaN or infinite in fp32: the weights are damaged")
    with pytest.raises(LabelError, match="NaN or infinite"):
        segmenter.predict([bad])


def test_half_precision_that_overflows_names_the_remedy() -> None:
    class Huge(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 1e4

    keys = {"DATASET": {"N_CLASSES": 3}, "RUNTIME": {"PRECISION": "fp16"}}
    segmenter = Segmenter(Huge(), tiny_config(**keys), CLASS_NAMES[:3], "cpu")
    with pytest.raises(LabelError, match=r"in half precision; set RUNTIME\.PRECISION to bf16 or fp32"):
        segmenter.predict([random_image(20, 30)])
    keys["RUNTIME"] = {"PRECISION": "bf16"}
    Segmenter(Huge(), tiny_config(**keys), CLASS_NAMES[:3], "cpu").predict([random_image(20, 30)])


def test_an_image_too_large_for_the_crf_is_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplab.densecrf.checks.MAX_PIXELS", 500)
    small, large = tiny_segmenter(crf=True).label([random_image(20, 20)]), tiny_segmenter(crf=True)
    assert isinstance(small[0], np.ndarray)
    (error,) = large.label([random_image(20, 30)])
    assert "An image of 30x20 pixels is too large for the dense CRF" in str(error)


def test_views_are_averaged_as_probs(segmenter: Segmenter) -> None:
    image = random_image(40, 60)
    averaging = tiny_segmenter(INFERENCE={"SCALES": [1.0, 1.5], "FLIP": True})
    probs = torch.zeros(4, 40, 60)
    x = torch.from_numpy(image[..., ::-1].astype(np.float32) - np.array([104.008, 116.669, 122.675], np.float32))
    bgr = x.permute(2, 0, 1)[None]
    for size in ((40, 60), (60, 90)):
        scaled = functional.interpolate(bgr, size=size, mode="bilinear", align_corners=False)
        for flip in (False, True):
            with torch.no_grad():
                logits = segmenter.model(scaled.flip(3) if flip else scaled)
            logits = logits.flip(3) if flip else logits
            enlarged = functional.interpolate(logits, size=(40, 60), mode="bilinear", align_corners=False)
            probs += enlarged.softmax(dim=1)[0]
    (labels,) = averaging.predict([image])
    assert (labels == probs.argmax(dim=0).numpy()).mean() > 0.999
    assert (labels != segmenter.predict([image])[0]).any()
    torch.testing.assert_close(averaging.predictions([image])[0].logits().exp(), probs / 4, rtol=1e-2, atol=1e-3)


def test_how_images_are_looked_at_is_a_setting() -> None:
    plain = tiny_segmenter()
    assert plain.settings()["inference"] == {"MODE": "whole", "SCALES": [1.0], "FLIP": False}
    assert tiny_segmenter(INFERENCE={"WINDOW": 99}).settings() == plain.settings()
    slide = tiny_segmenter(INFERENCE={"MODE": "slide", "WINDOW": 99}).settings()["inference"]
    assert slide == {"MODE": "slide", "WINDOW": 99, "STRIDE": 66, "BLEND": "gaussian", "SCALES": [1.0], "FLIP": False}
