import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch.nn import functional

from deeplab.config import Config, parse_config
from deeplab.datasets.sample import Sample
from deeplab.datasets.split import open_split
from deeplab.datasets.transforms import normalize
from deeplab.errors import CheckpointError, DatasetError, LabelError, OutputError
from deeplab.evaluation.evaluate import evaluate, label_split
from deeplab.images.masks import read_mask
from deeplab.models.build import build_from_config
from deeplab.reporter import SilentReporter, Stopped
from deeplab.scores.boundaries import boundary_overlaps
from deeplab.scores.image_scores import Cell, ImageScores
from deeplab.scores.metrics import ConfusionMatrix
from tests.configs import tiny_model
from tests.deeplab.drawing import draw_folder, draw_pair, write_pair
from tests.deeplab.training.torchrun import run_unsupervised
from tests.reporters import Recorder


def configure(root: Path, *overrides: str) -> Config:
    sections = {"DATASET": {"N_CLASSES": 3, "ROOT": str(root)}, "MODEL": tiny_model("DeepLabV2_ResNet50_MSC")}
    return parse_config(sections, "test", overrides)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four images of one size, then two of another, of which one is in a subfolder."""
    root = draw_folder(tmp_path / "data", n_images=4)
    rng = np.random.default_rng(1)
    for sample_id in ("large", "city/night"):
        write_pair(root, sample_id, *draw_pair(rng, 50, 60))
    with (root / "val.txt").open("a") as file:
        file.write("large\ncity/night\n")
    return root


@pytest.fixture
def weights(root: Path, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(build_from_config(configure(root)).state_dict(), tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def samples_of(config: Config) -> list[Sample]:
    dataset = open_split(config, "val")
    return [dataset[i] for i in range(len(dataset))]


def score_by_hand(config: Config, weights: Path) -> ConfusionMatrix:
    """The original's way: one image at a time, logits resized to its size, the largest wins."""
    model = build_from_config(config).eval()
    model.load_state_dict(torch.load(weights))
    confusion = ConfusionMatrix(3)
    mean = config.IMAGE.MEAN
    for sample in samples_of(config):
        with torch.no_grad():
            logits = model(normalize(sample.image, (mean.B, mean.G, mean.R))[None])
        resized = functional.interpolate(logits, size=sample.label_map.shape, mode="bilinear", align_corners=False)
        confusion.update(sample.label_map, resized.argmax(dim=1)[0])
    return confusion


@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_equal_those_computed_one_by_one(root: Path, weights: Path, batch_size: int) -> None:
    config = configure(root, f"SOLVER.BATCH_SIZE.TEST={batch_size}")
    reporter = Recorder()

    scores = evaluate(config, weights, reporter, device="cpu")

    expected = score_by_hand(config, weights)
    assert np.abs(scores.confusion - expected.counts()).sum() <= 4  # ties that rounding decides
    assert scores["mean_iou"] == pytest.approx(expected.scores()["mean_iou"], abs=1e-3)
    assert scores["n_images"] == 6
    assert reporter.progressed[-1] == (6, 6, "image")


def test_logits_are_left_for_the_crf(root: Path, weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logits"
    config = configure(root)

    evaluate(config, weights, SilentReporter(), device="cpu", logits_dir=folder)

    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["0.npy", "1.npy", "2.npy", "3.npy", "city/night.npy", "large.npy"]
    model = build_from_config(config).eval()
    model.load_state_dict(torch.load(weights))
    sample = open_split(config, "val")[0]
    with torch.no_grad():
        expected = model(normalize(sample.image, (104.008, 116.669, 122.675))[None])[0].numpy()
    written = np.load(folder / "0.npy")
    assert written.dtype == np.float32
    np.testing.assert_allclose(written, expected, rtol=1e-4, atol=1e-4)


def test_logits_of_half_the_size(root: Path, weights: Path, tmp_path: Path) -> None:
    config = configure(root)
    evaluate(config, weights, SilentReporter(), device="cpu", logits_dir=tmp_path / "logits", logits_dtype="float16")
    assert np.load(tmp_path / "logits" / "city/night.npy").dtype == np.float16


def test_another_split(root: Path, weights: Path) -> None:
    assert evaluate(configure(root), weights, SilentReporter(), split="train", device="cpu")["n_images"] == 4


def test_stopping(root: Path, weights: Path) -> None:
    with pytest.raises(Stopped):
        evaluate(configure(root), weights, Recorder(stop_after=2), device="cpu")


def test_a_split_without_a_labelled_pixel(root: Path, weights: Path) -> None:
    image, label = draw_pair(np.random.default_rng(0), 20, 20)
    write_pair(root, "void", image, np.full_like(label, 255))
    (root / "void.txt").write_text("void\n")
    with pytest.raises(DatasetError, match="no pixel of the split 'void' has a class"):
        evaluate(configure(root), weights, SilentReporter(), split="void", device="cpu")


def test_weights_of_another_model(root: Path, weights: Path) -> None:
    with pytest.raises(CheckpointError, match="holds the weights of another model"):
        evaluate(configure(root, "MODEL.WIDTH=8"), weights, SilentReporter(), device="cpu")


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "share"), [("fp32", 0.999), ("bf16", 0.98)])
def test_a_gpu_scores_the_same(root: Path, weights: Path, precision: str, share: float) -> None:
    config = configure(root, f"RUNTIME.PRECISION={precision}", "SOLVER.BATCH_SIZE.TEST=4")
    on_cpu = evaluate(configure(root), weights, SilentReporter(), device="cpu").confusion
    on_gpu = evaluate(config, weights, SilentReporter(), device="cuda").confusion
    assert np.minimum(on_gpu, on_cpu).sum() >= share * on_cpu.sum()
    assert on_gpu.sum() == on_cpu.sum()


@pytest.mark.parametrize("logits", [False, True])
def test_an_image_of_which_the_model_says_no_number_ends_it(
    root: Path, weights: Path, tmp_path: Path, logits: bool
) -> None:
    state = torch.load(weights)
    over = {key: value * 1e4 if key.endswith("bn.weight") else value for key, value in state.items()}
    torch.save(over, tmp_path / "over.pth")
    folder = tmp_path / "logits" if logits else None
    with pytest.raises(LabelError, match=r"^0: The model's output is NaN .* set RUNTIME\.PRECISION to bf16 or fp32"):
        evaluate(
            configure(root, "RUNTIME.PRECISION=fp16"),
            tmp_path / "over.pth",
            SilentReporter(),
            device="cpu",
            logits_dir=folder,
        )
    assert not list(tmp_path.rglob("*.npy"))


def test_windows_score_what_they_label_and_leave_logits_of_the_images_size(
    root: Path, weights: Path, tmp_path: Path
) -> None:
    config = configure(root, "INFERENCE.MODE=slide", "INFERENCE.WINDOW=32", "INFERENCE.FLIP=true")
    plain = evaluate(config, weights, SilentReporter(), device="cpu")
    saved = evaluate(config, weights, SilentReporter(), device="cpu", logits_dir=tmp_path / "logits")
    assert np.abs(plain.confusion - saved.confusion).sum() <= 4
    assert (plain.confusion != evaluate(configure(root), weights, SilentReporter(), device="cpu").confusion).any()
    assert np.load(tmp_path / "logits" / "large.npy").shape == (3, 50, 60)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_an_observer_hears_of_each_image_in_the_order_of_the_split(
    root: Path, weights: Path, tmp_path: Path, batch_size: int
) -> None:
    heard: list[ImageScores] = []
    config = configure(root, f"SOLVER.BATCH_SIZE.TEST={batch_size}")

    scores = evaluate(config, weights, SilentReporter(), device="cpu", masks_dir=tmp_path / "m", observe=heard.append)

    assert [each.id for each in heard] == open_split(config, "val").ids
    total = np.zeros((3, 3), np.int64)
    for each, sample in zip(heard, samples_of(config), strict=True):
        assert (each.height, each.width) == sample.label_map.shape
        assert each.seconds > 0
        predicted = read_mask(tmp_path / "m" / f"{each.id}.png")
        assert sum(each.pixels.values()) == predicted.size
        assert dict(each.pixels) == {int(c): int((predicted == c).sum()) for c in np.unique(predicted)}
        own = ConfusionMatrix(3)
        own.update(sample.label_map, predicted)
        assert set(each.cells) == {
            Cell(i, j, int(own.counts()[i, j])) for i in range(3) for j in range(3) if own.counts()[i, j]
        }
        assert each.mean_iou == pytest.approx(own.scores()["mean_iou"])
        total += own.counts()
    assert np.array_equal(total, scores.confusion)
    mean_ious = [each.mean_iou or 0.0 for each in heard]
    assert scores["image_mean_iou"] == pytest.approx(np.mean(mean_ious))
    assert scores["worst_tenth_iou"] == pytest.approx(min(mean_ious))


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["INFERENCE.FLIP=true"],
        ["INFERENCE.MODE=slide", "INFERENCE.WINDOW=32"],
        ["INFERENCE.MODE=slide", "INFERENCE.WINDOW=32", "INFERENCE.SCALES=[0.5, 1.0]"],
    ],
)
@pytest.mark.parametrize("saves", [False, True])
def test_certainty_is_that_of_the_probs_of_all_pixels(
    root: Path, weights: Path, tmp_path: Path, overrides: list[str], saves: bool
) -> None:
    heard: list[ImageScores] = []
    config = configure(root, *overrides)
    folder = tmp_path / "logits"
    evaluate(config, weights, SilentReporter(), device="cpu", logits_dir=folder)

    again = folder if saves else None
    evaluate(config, weights, SilentReporter(), device="cpu", logits_dir=again, observe=heard.append)

    for each, sample in zip(heard, samples_of(config), strict=True):
        logits = torch.from_numpy(np.load(folder / f"{each.id}.npy"))[None]
        resized = functional.interpolate(logits, size=sample.label_map.shape, mode="bilinear", align_corners=False)
        probs = resized.softmax(dim=1)[0].double().numpy()
        known = sample.label_map != 255
        believed = np.take_along_axis(probs, sample.label_map.clip(max=2)[None].astype(int), axis=0)[0]
        assert each.certainty is not None
        assert each.certainty.top == pytest.approx(probs.max(axis=0).mean(), abs=1e-4)
        labels = probs.argmax(axis=0)
        for index, top in each.certainty.top_by_class.items():
            assert top == pytest.approx(probs.max(axis=0)[labels == index].mean(), abs=1e-3)
        shares = np.exp(-believed[known] / 0.1)
        assert each.certainty.label_quality == pytest.approx((believed[known] * shares).sum() / shares.sum(), abs=1e-3)
        assert set(each.certainty.label_quality_by_class) == set(np.unique(sample.label_map[known]).tolist())


def test_boundary_iou_and_confidence_of_each_image(root: Path, weights: Path, tmp_path: Path) -> None:
    heard: list[ImageScores] = []
    config = configure(root)
    folder = tmp_path / "confidence"

    scores = evaluate(
        config,
        weights,
        SilentReporter(),
        device="cpu",
        masks_dir=tmp_path / "m",
        confidence_dir=folder,
        observe=heard.append,
        boundary_iou=True,
    )

    total = np.zeros((2, 3))
    for each, sample in zip(heard, samples_of(config), strict=True):
        expected = boundary_overlaps(sample.label_map, read_mask(tmp_path / "m" / f"{each.id}.png"), 3)
        assert each.boundaries == expected
        for index, overlap in expected.items():
            total[:, index] += overlap.intersection, overlap.union
        with Image.open(folder / f"{each.id}.png") as confidence:
            assert (confidence.mode, confidence.size) == ("L", (each.width, each.height))
            assert each.certainty is not None
            assert np.asarray(confidence).mean() / 255 == pytest.approx(each.certainty.top, abs=1 / 255)
    assert scores["class_boundary_iou"] == pytest.approx(list(total[0] / total[1]))
    assert scores["boundary_iou"] == pytest.approx((total[0] / total[1]).mean())
    alone = evaluate(config, weights, SilentReporter(), device="cpu", boundary_iou=True)
    assert alone.as_json() == scores.as_json()


def test_an_unobserved_evaluation_scores_no_single_image(root: Path, weights: Path) -> None:
    assert "image_mean_iou" not in evaluate(configure(root), weights, SilentReporter(), device="cpu")


def test_what_an_observer_raises_ends_the_evaluation(root: Path, weights: Path) -> None:
    def refuse(image: ImageScores) -> None:
        raise OutputError(f"{image.id}: the disk is full.")

    with pytest.raises(OutputError, match="0: the disk is full"):
        evaluate(configure(root), weights, SilentReporter(), device="cpu", observe=refuse)


def test_a_split_without_ground_truth_is_observed_too(root: Path, weights: Path, tmp_path: Path) -> None:
    heard: list[ImageScores] = []
    shutil.rmtree(root / "masks")
    n = label_split(
        configure(root), weights, SilentReporter(), tmp_path / "m", split="val", device="cpu", observe=heard.append
    )
    assert n == len(heard) == 6
    assert all(not each.cells and each.mean_iou is None and sum(each.pixels.values()) for each in heard)


OBSERVED = """
import json, sys
from pathlib import Path
from deeplab.config import load_config
from deeplab.evaluation.evaluate import evaluate
from deeplab.processes import is_main_process
from deeplab.reporter import SilentReporter
heard = []
config = load_config(Path(sys.argv[1]))
observe = lambda image: heard.append(image.id)
scores = evaluate(config, Path(sys.argv[2]), SilentReporter(), device="cpu", observe=observe)
name = "main" if is_main_process() else "other"
Path(sys.argv[3], f"{name}.json").write_text(json.dumps([heard, scores.as_json()]))
"""


@pytest.mark.slow
def test_of_two_processes_the_first_hears_of_all_images(root: Path, weights: Path, tmp_path: Path) -> None:
    config = configure(root)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_unset=True)))
    for ended in run_unsupervised(sys.executable, "-c", OBSERVED, tmp_path / "config.yaml", weights, tmp_path):
        assert ended.returncode == 0, ended.stderr

    alone = evaluate(config, weights, SilentReporter(), device="cpu", observe=lambda _: None)

    main, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("main", "other"))
    assert main[0] == open_split(config, "val").ids
    assert other[0] == []
    assert main[1] == other[1] == alone.as_json()
