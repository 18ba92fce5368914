from pathlib import Path

import pytest
import torch

from deeplab.config import parse_config
from deeplab.reporter import SilentReporter
from deeplab.training.checkpoint import load_checkpoint
from deeplab.training.checkpoint_folder import CheckpointFolder
from deeplab.training.run import TrainingRun
from tests.configs import tiny_model
from tests.reporters import Recorder


class Interrupted(SilentReporter):
    """Dies before it has deleted anything."""

    def discard(self, path: Path, iteration: int) -> None:
        raise KeyboardInterrupt


def build(keep_last: int | None) -> TrainingRun:
    sections = {"DATASET": {"N_CLASSES": 3}, "MODEL": tiny_model(), "SOLVER": {"KEEP_LAST": keep_last}}
    return TrainingRun(parse_config(sections, "test"), torch.device("cpu"), seed=0)


def save(run: TrainingRun, folder: CheckpointFolder, iteration: int, mean_iou: float | None = None) -> None:
    """What a training does after an iteration."""
    run.iteration = iteration
    if mean_iou is not None:
        run.record_validation(mean_iou)
    folder.save()


def iterations(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("checkpoint_")) for path in folder.glob("checkpoint_0*.pth"))


@pytest.mark.parametrize(
    ("keep_last", "left"), [(None, [1, 2, 3, 4, 5]), (1, [2, 5]), (2, [2, 4, 5]), (9, [1, 2, 3, 4, 5])]
)
def test_the_newest_and_the_best_are_kept(tmp_path: Path, keep_last: int | None, left: list[int]) -> None:
    run, reporter = build(keep_last), Recorder()
    folder = CheckpointFolder(tmp_path, run, reporter)

    for iteration, mean_iou in ((1, 0.25), (2, 0.5), (3, None), (4, 0.5), (5, 0.375)):
        save(run, folder, iteration, mean_iou)

    assert iterations(tmp_path) == left == folder.saved
    assert reporter.best == ["checkpoint_0000001.pth", "checkpoint_0000002.pth"]  # of equal ones the first stays


def test_a_best_one_that_was_surpassed_goes(tmp_path: Path) -> None:
    run = build(keep_last=1)
    folder = CheckpointFolder(tmp_path, run, SilentReporter())
    for iteration, mean_iou in ((1, 0.5), (2, 0.25), (3, 0.75), (4, 0.25)):
        save(run, folder, iteration, mean_iou)
    assert iterations(tmp_path) == [3, 4]


def test_the_final_one_is_not_counted(tmp_path: Path) -> None:
    run = build(keep_last=1)
    folder = CheckpointFolder(tmp_path, run, SilentReporter())
    save(run, folder, 1)
    final = folder.save_final()
    assert final == tmp_path / "checkpoint_final.pth"
    assert load_checkpoint(final).iteration == 1
    assert iterations(tmp_path) == [1]


def test_a_resumed_run_deletes_what_the_interrupted_one_could_not(tmp_path: Path) -> None:
    run = build(keep_last=1)
    folder = CheckpointFolder(tmp_path, run, Interrupted())
    save(run, folder, 1)
    with pytest.raises(KeyboardInterrupt):
        save(run, folder, 2)
    assert iterations(tmp_path) == [1, 2]

    resumed = build(keep_last=1)
    checkpoint = load_checkpoint(tmp_path / "checkpoint_0000002.pth")
    resumed.restore(checkpoint)
    save(resumed, CheckpointFolder(tmp_path, resumed, SilentReporter(), checkpoint.saved), 3)

    assert iterations(tmp_path) == [3]
