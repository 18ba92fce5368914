from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from deeplab.config import Config, parse_config
from deeplab.errors import CheckpointError, ConfigError, DatasetError, DeepLabError
from deeplab.models.build import build_from_config, build_model
from deeplab.models.weights import load_state_dict
from deeplab.reporter import SilentReporter, Stopped
from deeplab.training.checkpoint import Checkpoint, load_checkpoint
from deeplab.training.run import Validated
from deeplab.training.train import train
from tests.deeplab.drawing import draw_folder

TINY: dict[str, Any] = {
    "DATASET": {"N_CLASSES": 3},
    "IMAGE": {"SIZE": {"TRAIN": 33}},
    "MODEL": {"NAME": "DeepLabV2_ResNet50_MSC", "N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4, "BN_MOMENTUM": 0.1},
    "SOLVER": {
        "BATCH_SIZE": {"TRAIN": 2},
        "ITER_MAX": 6,
        "ITER_SAVE": 2,
        "ITER_TB": 3,
        "LR": 1e-3,
        "LR_DECAY": 2,
        "AVERAGE_LOSS": 2,
        "FREEZE_BN": False,
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(root: Path) -> Config:
    return configure(root)


def configure(root: Path, *overrides: str) -> Config:
    return parse_config(TINY, "test", [f"DATASET.ROOT={root}", *overrides])


class Recorder(SilentReporter):
    """Keeps what it hears, and stops the run once that many iterations are done."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.iterations: list[tuple[int, int, str]] = []
        self.values: dict[int, dict[str, float]] = {}
        self.checkpoints: list[tuple[str, int]] = []
        self.best: list[str] = []  # names of those that were the best when they were saved

    def progress(self, done: int, total: int, unit: str) -> None:
        self.iterations.append((done, total, unit))

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        self.values.setdefault(iteration, {}).update(values)

    def checkpoint(self, path: Path, iteration: int, *, is_best: bool) -> None:
        assert load_checkpoint(path).iteration == iteration
        self.checkpoints.append((path.name, iteration))
        if is_best:
            self.best.append(path.name)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.iterations) >= self.stop_after


def run(config: Config, output: Path, **options: Any) -> Checkpoint:
    return load_checkpoint(train(config, output, SilentReporter(), device="cpu", **options).checkpoint)


def same(one: Any, other: Any) -> bool:
    """Whether two nests of dicts, lists, tensors and numbers are equal, bit by bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def assert_same_state(one: Checkpoint, other: Checkpoint) -> None:
    assert one.iteration == other.iteration
    assert one.losses == other.losses
    for part in ("model", "optimizer", "schedule", "rng", "validated", "best"):
        assert same(getattr(one, part), getattr(other, part)), part


def test_a_run_reports_and_leaves_checkpoints(config: Config, tmp_path: Path) -> None:
    reporter = Recorder()

    final = train(config, tmp_path / "new" / "folder", reporter, device="cpu").checkpoint

    assert final == tmp_path / "new" / "folder" / "checkpoint_final.pth"
    assert reporter.iterations == [(i, 6, "iteration") for i in range(1, 7)]
    saved = [(f"checkpoint_000000{i}.pth", i) for i in (2, 4, 6)]
    assert reporter.checkpoints == [*saved, ("checkpoint_final.pth", 6)]
    assert list(reporter.values) == [1, 3, 6]
    rates = {f"lr/group{i}": factor * 1e-3 for i, factor in enumerate((1, 10, 20, 1))}
    assert reporter.values[1] == pytest.approx({"loss": reporter.values[1]["loss"], **rates})
    assert reporter.values[3]["lr/group0"] == pytest.approx(1e-3 * (1 - 2 / 6) ** 0.9)
    state = load_checkpoint(final)
    assert (state.iteration, state.seed, len(state.losses)) == (6, 0, 2)
    assert reporter.values[6]["loss"] == pytest.approx(sum(state.losses) / 2)
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


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_run_resumed_from_a_periodic_checkpoint_ends_alike(root: Path, tmp_path: Path, optimizer: str) -> None:
    config = configure(root, f"SOLVER.OPTIMIZER={optimizer}")
    whole = run(config, tmp_path / "whole", seed=5)

    resumed = run(config, tmp_path / "resumed", resume=tmp_path / "whole" / "checkpoint_0000004.pth")

    assert_same_state(whole, resumed)


def test_a_run_that_was_stopped_saves_and_ends_alike(config: Config, tmp_path: Path) -> None:
    whole = run(config, tmp_path / "whole")

    reporter = Recorder(stop_after=3)
    with pytest.raises(Stopped):
        train(config, tmp_path / "stopped", reporter, device="cpu")
    assert reporter.checkpoints == [("checkpoint_0000002.pth", 2), ("checkpoint_0000003.pth", 3)]
    resumed = run(config, tmp_path / "resumed", resume=tmp_path / "stopped" / "checkpoint_0000003.pth")

    assert_same_state(whole, resumed)


@pytest.mark.parametrize(("stop_after", "expected"), [(0, [0]), (2, [2])])
def test_a_checkpoint_is_saved_once(config: Config, tmp_path: Path, stop_after: int, expected: list[int]) -> None:
    reporter = Recorder(stop_after)
    with pytest.raises(Stopped):
        train(config, tmp_path, reporter, device="cpu")
    assert [iteration for _, iteration in reporter.checkpoints] == expected


def test_reading_in_other_processes_changes_nothing(root: Path, tmp_path: Path) -> None:
    whole = run(configure(root), tmp_path / "whole")
    middle = tmp_path / "whole" / "checkpoint_0000004.pth"

    resumed = run(configure(root, "DATALOADER.NUM_WORKERS=1"), tmp_path / "resumed", resume=middle)

    assert_same_state(whole, resumed)


def test_resuming_a_finished_run_writes_its_final_checkpoint(config: Config, tmp_path: Path) -> None:
    whole = run(config, tmp_path / "whole")
    assert_same_state(whole, run(config, tmp_path / "again", resume=tmp_path / "whole" / "checkpoint_final.pth"))


def test_resuming_under_other_settings_names_them(config: Config, root: Path, tmp_path: Path) -> None:
    train(config, tmp_path, SilentReporter(), device="cpu")
    other = configure(root, "SOLVER.LR=0.5", "MODEL.WIDTH=8", "SOLVER.ITER_SAVE=9", "EXP.ID=other")

    with pytest.raises(CheckpointError) as caught:
        train(other, tmp_path, SilentReporter(), device="cpu", resume=tmp_path / "checkpoint_0000002.pth")

    assert str(caught.value).endswith(
        "is of a run with other settings: MODEL.WIDTH (4 there, 8 here), SOLVER.LR (0.001 there, 0.5 here)."
    )


def test_training_learns(root: Path, tmp_path: Path) -> None:
    solver = {"ITER_MAX": 60, "ITER_SIZE": 1, "ITER_SAVE": 99, "ITER_TB": 60, "LR": 5e-4, "AVERAGE_LOSS": 10}
    overrides = [f"SOLVER.{key}={value}" for key, value in {**solver, "BATCH_SIZE.TRAIN": 4}.items()]
    reporter = Recorder()
    train(configure(root, "DATASET.SCALES=[1]", *overrides), tmp_path, reporter, device="cpu")
    assert reporter.values[60]["loss"] < 0.65 * reporter.values[1]["loss"]


def test_frozen_batch_norm_is_not_trained(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.FREEZE_BN=true")
    reporter = Recorder()

    final = load_state_dict(train(config, tmp_path, reporter, device="cpu", seed=3).checkpoint)

    torch.manual_seed(3)
    initial = build_from_config(config).state_dict()
    changed = {key for key, value in final.items() if not torch.equal(value, initial[key])}
    assert {key for key in initial if ".bn." in key}.isdisjoint(changed)
    assert {key for key in initial if key.endswith(("conv.weight", "aspp.c0.weight", "aspp.c0.bias"))} <= changed
    assert set(reporter.values[1]) == {"loss", "lr/group0", "lr/group1", "lr/group2"}


@pytest.mark.parametrize("by_argument", [True, False])
def test_training_starts_from_the_weights_it_is_given(root: Path, tmp_path: Path, by_argument: bool) -> None:
    source = build_model("DeepLabV1_ResNet50", 9, n_blocks=(1, 1, 1, 1), width=4)
    torch.save(source.state_dict(), tmp_path / "init.pth")
    overrides = [] if by_argument else [f"MODEL.INIT_MODEL={tmp_path / 'init.pth'}"]
    options: dict[str, Any] = {"init": tmp_path / "init.pth"} if by_argument else {}

    with pytest.raises(Stopped):
        train(configure(root, *overrides), tmp_path, Recorder(stop_after=0), device="cpu", **options)

    begin = load_state_dict(tmp_path / "checkpoint_0000000.pth")
    assert all(torch.equal(begin[f"base.{key}"], value) for key, value in source.state_dict().items() if "layer" in key)


@pytest.mark.parametrize("freeze_bn", [True, False])
def test_evaluating_in_between_changes_nothing(root: Path, tmp_path: Path, freeze_bn: bool) -> None:
    bn = f"SOLVER.FREEZE_BN={str(freeze_bn).lower()}"
    without = run(configure(root, bn), tmp_path / "without")
    with_it = run(configure(root, bn, "SOLVER.EVAL_EVERY=1"), tmp_path / "with")
    assert with_it.validated is not None
    assert_same_state(replace(with_it, validated=None, best=None), without)


def test_evaluations_are_reported_and_the_best_checkpoint_is_kept(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.EVAL_EVERY=2", "SOLVER.ITER_SAVE=4", "SOLVER.KEEP_LAST=1")
    reporter = Recorder()

    trained = train(config, tmp_path, reporter, device="cpu")

    found = {i: values["mean_iou"] for i, values in reporter.values.items() if "mean_iou" in values}
    assert list(found) == [2, 4, 6]
    assert set(reporter.values[2]) == {"mean_iou", "pixel_accuracy", "mean_accuracy", "frequency_weighted_iou"}
    best = max(found, key=lambda iteration: found[iteration])
    assert trained.best == Validated(best, found[best])
    assert trained.best_checkpoint == tmp_path / f"checkpoint_000000{best}.pth"
    assert load_checkpoint(trained.best_checkpoint).best == {"iteration": best, "mean_iou": found[best]}
    last = max(best, 4)
    assert sorted(path.name for path in tmp_path.glob("*.pth")) == sorted(
        {f"checkpoint_000000{best}.pth", f"checkpoint_000000{last}.pth", "checkpoint_final.pth"}
    )
    assert reporter.best[-1] in (trained.best_checkpoint.name, "checkpoint_final.pth")
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [event.step for event in events.Scalars("mean_iou/val")] == [2, 4, 6]


def test_a_run_that_was_stopped_in_the_middle_of_an_evaluation_ends_alike(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.EVAL_EVERY=3")
    whole = run(config, tmp_path / "whole")

    reporter = Recorder(stop_after=5)  # three iterations and two images
    with pytest.raises(Stopped):
        train(config, tmp_path / "stopped", reporter, device="cpu")
    stopped = load_checkpoint(tmp_path / "stopped" / "checkpoint_0000003.pth")
    assert stopped.validated is None
    resumed = run(config, tmp_path / "stopped", resume=tmp_path / "stopped" / "checkpoint_0000003.pth")

    assert_same_state(whole, resumed)
    assert resumed.validated is not None


def test_a_resumed_run_knows_the_best_checkpoint_of_before(root: Path, tmp_path: Path) -> None:
    config = configure(root, "SOLVER.EVAL_EVERY=2")
    train(config, tmp_path / "first", SilentReporter(), device="cpu")
    middle = load_checkpoint(tmp_path / "first" / "checkpoint_0000004.pth")
    torch.save(
        {**vars(middle), "format": 1, "best": {"iteration": 2, "mean_iou": 0.999}}, tmp_path / "first/middle.pth"
    )

    trained = train(config, tmp_path / "second", SilentReporter(), device="cpu", resume=tmp_path / "first/middle.pth")
    assert trained.best == Validated(2, 0.999)
    assert trained.best_checkpoint == tmp_path / "first" / "checkpoint_0000002.pth"

    trained.best_checkpoint.unlink()
    again = train(config, tmp_path / "second", SilentReporter(), device="cpu", resume=trained.checkpoint)
    assert again.best == trained.best
    assert again.best_checkpoint is None


def test_divergence_is_one_sentence(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DeepLabError) as caught:
        train(configure(root, "SOLVER.LR=1e30"), tmp_path, SilentReporter(), device="cpu")
    assert str(caught.value).startswith("Training diverged: the loss is nan at iteration ")
    assert str(caught.value).endswith("lower SOLVER.LR (now 1e+30) or start from other weights.")
    assert not list(tmp_path.glob("*.pth"))


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
    reporter = Recorder()
    train(config, tmp_path, reporter, device="cuda")
    assert reporter.values[6]["gpu_memory_mib"] > 0
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert "gpu/device_0/memory_cached" in events.Tags()["scalars"]
    assert_same_state(
        load_checkpoint(tmp_path / "checkpoint_final.pth"),
        run(config, tmp_path / "again", resume=tmp_path / "checkpoint_final.pth"),
    )
