import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from deeplab.catalog import SCORES
from deeplab.config import Config, parse_config
from deeplab.datasets.stream import open_training_stream
from deeplab.errors import CheckpointError, ConfigError, DatasetError, DeepLabError, ImageError
from deeplab.images.masks import read_mask
from deeplab.models.build import build_from_config, build_model
from deeplab.models.weights.state_dict import load_state_dict
from deeplab.reporter import SilentReporter, Stopped
from deeplab.training.checkpoint import load_checkpoint
from deeplab.training.run import Validated
from deeplab.training.train import train
from tests.deeplab.drawing import draw_folder, write_pair
from tests.deeplab.training.runs import TrainingRecorder, assert_same_state, configure, run, same


def test_a_run_reports_and_leaves_checkpoints(config: Config, tmp_path: Path) -> None:
    reporter = TrainingRecorder()

    final = train(config, tmp_path / "new" / "folder", reporter, device="cpu").checkpoint

    assert final == tmp_path / "new" / "folder" / "checkpoint_final.pth"
    assert reporter.progressed == [(i, 6, "iteration") for i in range(1, 7)]
    saved = [(f"checkpoint_000000{i}.pth", i) for i in (2, 4, 6)]
    assert reporter.checkpoints == [*saved, ("checkpoint_final.pth", 6)]
    assert list(reporter.measured) == [1, 3, 6]
    rates = {f"lr/group{i}": factor * 1e-3 for i, factor in enumerate((1, 10, 20, 1))}
    assert reporter.measured[1] == pytest.approx({"loss": reporter.measured[1]["loss"], **rates})
    assert reporter.measured[3]["lr/group0"] == pytest.approx(1e-3 * (1 - 2 / 6) ** 0.9)
    state = load_checkpoint(final)
    assert (state.iteration, state.seed, len(state.losses)) == (6, 0, 2)
    assert reporter.measured[6]["loss"] == pytest.approx(sum(state.losses) / 2)
    assert parse_config(state.config, "checkpoint") == config
    build_from_config(config).load_state_dict(load_state_dict(final))


def test_scalars_have_the_originals_names(config: Config, tmp_path: Path) -> None:
    train(config, tmp_path, SilentReporter(), device="cpu")

    events = EventAccumulator(str(tmp_path / "logs")).Reload()

    assert set(events.Tags()["scalars"]) == {"loss/train", *(f"lr/group_{i}" for i in range(4))}
    assert [event.step for event in events.Scalars("loss/train")] == [1, 3, 6]


def test_the_seed_decides(config: Config, tmp_path: Path) -> None:
    first, again, other = (run(config, tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert_same_state(first, again)
    assert not same(first.model, other.model)


def test_masks_that_look_wrong_are_said_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = draw_folder(tmp_path / "data")  # of its own, because it is spoilt
    config = configure(root)
    train(config, tmp_path / "good", SilentReporter(), device="cpu")
    assert caplog.messages == []
    for path in (root / "masks").glob("*.png"):
        label_map = read_mask(path)
        Image.fromarray(np.where(label_map > 0, 255, 0).astype(np.uint8)).save(path)
    train(config, tmp_path / "binary", SilentReporter(), device="cpu")
    (message,) = caplog.messages
    assert "are 0 and 255 alone, and 255 is ignored. If it means class 1, write 1 in its place." in message


def test_training_learns(root: Path, tmp_path: Path) -> None:
    solver = {"ITER_MAX": 60, "ITER_SIZE": 1, "ITER_SAVE": 99, "ITER_TB": 60, "LR": 5e-4, "AVERAGE_LOSS": 10}
    overrides = [f"SOLVER.{key}={value}" for key, value in {**solver, "BATCH_SIZE.TRAIN": 4}.items()]
    reporter = TrainingRecorder()
    train(configure(root, "DATASET.SCALES=[1]", *overrides), tmp_path, reporter, device="cpu")
    assert reporter.measured[60]["loss"] < 0.65 * reporter.measured[1]["loss"]


def test_frozen_batch_norm_is_not_trained(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.FREEZE_BN=true")
    reporter = TrainingRecorder()

    final = load_state_dict(train(config, tmp_path, reporter, device="cpu", seed=3).checkpoint)

    torch.manual_seed(3)
    initial = build_from_config(config).state_dict()
    changed = {key for key, value in final.items() if not torch.equal(value, initial[key])}
    assert {key for key in initial if ".bn." in key}.isdisjoint(changed)
    assert {key for key in initial if key.endswith(("conv.weight", "aspp.c0.weight", "aspp.c0.bias"))} <= changed
    assert set(reporter.measured[1]) == {"loss", "lr/group0", "lr/group1", "lr/group2"}


@pytest.mark.parametrize("by_argument", [True, False])
def test_training_starts_from_the_weights_it_is_given(root: Path, tmp_path: Path, by_argument: bool) -> None:
    source = build_model("DeepLabV1_ResNet50", 9, n_blocks=(1, 1, 1, 1), width=4)
    torch.save(source.state_dict(), tmp_path / "init.pth")
    overrides = [] if by_argument else [f"MODEL.INIT_MODEL={tmp_path / 'init.pth'}"]
    options: dict[str, Any] = {"init": tmp_path / "init.pth"} if by_argument else {}

    with pytest.raises(Stopped):
        train(configure(root, *overrides), tmp_path, TrainingRecorder(stop_after=0), device="cpu", **options)

    begin = load_state_dict(tmp_path / "checkpoint_0000000.pth")
    assert all(torch.equal(begin[f"base.{key}"], value) for key, value in source.state_dict().items() if "layer" in key)


@pytest.mark.parametrize("freeze_bn", [True, False])
def test_evaluating_in_between_changes_nothing(root: Path, tmp_path: Path, freeze_bn: bool) -> None:
    bn = f"SOLVER.FREEZE_BN={str(freeze_bn).lower()}"
    without = run(configure(root, bn), tmp_path / "without")
    with_it = run(configure(root, bn, "SOLVER.EVAL_EVERY=1"), tmp_path / "with")
    assert with_it.validated is not None
    assert_same_state(replace(with_it, validated=None, best=None, n_since_best=0), without)


def test_evaluations_are_reported_and_the_best_checkpoint_is_kept(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.EVAL_EVERY=2", "SOLVER.ITER_SAVE=4", "SOLVER.KEEP_LAST=1")
    reporter = TrainingRecorder()

    trained = train(config, tmp_path, reporter, device="cpu")

    found = {i: values["mean_iou"] for i, values in reporter.measured.items() if "mean_iou" in values}
    assert list(found) == [2, 4, 6]
    assert set(reporter.measured[2]) == set(SCORES)
    best = max(found, key=lambda iteration: found[iteration])
    assert trained.best == Validated(best, found[best])
    assert trained.best_checkpoint == tmp_path / f"checkpoint_000000{best}.pth"
    assert load_checkpoint(trained.best_checkpoint).best == {"iteration": best, "mean_iou": found[best]}
    last = max(best, 4)
    assert sorted(path.name for path in tmp_path.glob("checkpoint_*.pth")) == sorted(
        {f"checkpoint_000000{best}.pth", f"checkpoint_000000{last}.pth", "checkpoint_final.pth"}
    )
    assert reporter.best[-1] in (trained.best_checkpoint.name, "checkpoint_final.pth")
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [event.step for event in events.Scalars("mean_iou/val")] == [2, 4, 6]


def test_divergence_is_one_sentence(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DeepLabError) as caught:
        train(configure(root, "SOLVER.LR=1e6"), tmp_path, SilentReporter(), device="cpu")
    sentence = (
        "Training diverged: the loss is nan at iteration (.*); lower SOLVER.LR .now 1e.06. or start from other weights."
    )
    diverged = re.fullmatch(sentence, str(caught.value))
    assert diverged is not None
    saved = [int(path.stem.rpartition("_")[2]) for path in tmp_path.glob("*.pth")]
    assert all(iteration < int(diverged[1]) for iteration in saved)


@pytest.mark.parametrize("rule", ["inverse", "[1, 0.5, 2]"])
def test_class_weights_are_found_once_and_kept(root: Path, tmp_path: Path, rule: str) -> None:
    config = configure(root, f"SOLVER.CLASS_WEIGHTS={rule}", "SOLVER.LABEL_SMOOTHING=0.1")
    whole = run(config, tmp_path / "whole")
    masks = np.stack([np.asarray(Image.open(path)) for path in (root / "masks").iterdir()])
    counts = np.bincount(masks.ravel())
    expected = counts.sum() / (3 * counts) if rule == "inverse" else [1, 0.5, 2]
    assert whole.class_weights == pytest.approx(list(expected))
    assert whole.losses != run(configure(root, "SOLVER.LABEL_SMOOTHING=0.1"), tmp_path / "plain").losses

    reporter = TrainingRecorder()
    resume = tmp_path / "whole" / "checkpoint_0000004.pth"
    resumed = train(config, tmp_path / "resumed", reporter, device="cpu", resume=resume).checkpoint
    assert {unit for _, _, unit in reporter.progressed} == {"iteration"}
    assert_same_state(load_checkpoint(resumed), whole)


def test_a_stop_while_masks_are_counted_can_be_resumed(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.CLASS_WEIGHTS=median_frequency")
    reporter = TrainingRecorder(stop_after=3)
    with pytest.raises(Stopped):
        train(config, tmp_path, reporter, device="cpu")
    assert reporter.progressed == [(i, 6, "mask") for i in (1, 2, 3)]
    resumed = run(config, tmp_path, resume=tmp_path / "checkpoint_0000000.pth")
    assert_same_state(resumed, run(config, tmp_path / "whole"))


def test_a_split_without_classes_has_no_weights(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_pair(root, "a", np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 255, np.uint8))
    (root / "train.txt").write_text("a\n")
    with pytest.raises(DatasetError, match=f"^{root}: no pixel of the split 'train' has a class.$"):
        train(configure(root, "SOLVER.CLASS_WEIGHTS=inverse"), tmp_path / "out", SilentReporter(), device="cpu")


@pytest.mark.parametrize("n_workers", [0, 1])
def test_a_broken_image_ends_a_training_with_its_state_saved(tmp_path: Path, n_workers: int) -> None:
    root = draw_folder(tmp_path / "data")
    config = configure(root, "SOLVER.ITER_SAVE=100", f"DATALOADER.NUM_WORKERS={n_workers}")
    expected = run(config, tmp_path / "whole")
    order = [open_training_stream(config, "train", 0).index_of(position) for position in range(6)]
    broken = root / "images" / f"{order[-1]}.png"  # of the last one of the first epoch
    content = broken.read_bytes()
    broken.write_bytes(content[:-40])
    reporter = TrainingRecorder()

    with pytest.raises(ImageError) as caught:
        train(config, tmp_path / "out", reporter, device="cpu")

    assert str(caught.value).startswith(f"{broken}: cannot be read: ")
    assert reporter.checkpoints == [("checkpoint_0000001.pth", 1)]
    broken.write_bytes(content)
    assert_same_state(run(config, tmp_path / "out", resume=tmp_path / "out" / "checkpoint_0000001.pth"), expected)


def test_a_training_that_fails_at_once_saves_nothing(tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "data")
    for path in (root / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ImageError):
        train(configure(root), tmp_path / "out", SilentReporter(), device="cpu")
    assert not list((tmp_path / "out").glob("*.pth"))


def test_a_broken_image_of_a_validation_ends_a_training_with_its_state_saved(tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "data")
    (root / "val.txt").write_text("other\n")
    write_pair(root, "other", np.zeros((8, 8, 3), np.uint8), np.zeros((9, 9), np.uint8))
    reporter = TrainingRecorder()
    with pytest.raises(DatasetError, match="the mask is 9x9"):
        train(configure(root, "SOLVER.EVAL_EVERY=3"), tmp_path / "out", reporter, device="cpu")
    assert reporter.checkpoints[-1] == ("checkpoint_0000003.pth", 3)


@pytest.mark.parametrize(
    ("overrides", "options", "error", "reason"),
    [
        (["DATASET.ROOT=/none"], {}, DeepLabError, "/none: the dataset's folder does not exist."),
        (["MODEL.INIT_MODEL=/none.pth"], {}, CheckpointError, "/none.pth: the checkpoint does not exist."),
        ([], {"resume": Path("/none.pth")}, CheckpointError, "/none.pth: the checkpoint does not exist."),
        (["MODEL.NAME=ResNet50"], {}, ConfigError, "MODEL.NAME ResNet50 classifies whole images"),
        (["SOLVER.EVAL_EVERY=1", "DATASET.SPLIT.VAL=none"], {}, DatasetError, "{root}/none.txt: "),
        ([], {"seed": -1}, DeepLabError, "The seed must not be negative, got -1."),
        ([], {"device": "tpu"}, DeepLabError, "'tpu' is not a device"),
    ],
)
def test_what_is_missing_or_wrong_is_named_before_anything_is_written(
    root: Path, tmp_path: Path, overrides: list[str], options: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error) as caught:
        train(configure(root, *overrides), tmp_path / "out", SilentReporter(), **{"device": "cpu", **options})
    assert str(caught.value).startswith(reason.format(root=root))
    assert not (tmp_path / "out").exists()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_training_on_a_gpu_reports_its_memory(config: Config, tmp_path: Path) -> None:
    reporter = TrainingRecorder()
    train(config, tmp_path, reporter, device="cuda")
    assert reporter.measured[6]["gpu_memory_mib"] > 0
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert "gpu/device_0/memory_cached" in events.Tags()["scalars"]
    assert_same_state(
        load_checkpoint(tmp_path / "checkpoint_final.pth"),
        run(config, tmp_path / "again", resume=tmp_path / "checkpoint_final.pth"),
    )
