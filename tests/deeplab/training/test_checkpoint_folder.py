from pathlib import Path

import pytest
import torch

from deeplab.config import parse_config
from deeplab.errors import OutputError
from deeplab.reporter import SilentReporter
from deeplab.training.checkpoint import load_checkpoint, write_checkpoint
from deeplab.training.checkpoint_folder import CheckpointFolder
from deeplab.training.run import TrainingRun
from tests.configs import tiny_model
from tests.disks import fill, small_disk
from tests.reporters import Recorder


class Interrupted(SilentReporter):
    """Dies before it has deleted anything."""

    def discard(self, path: Path, iteration: int) -> None:
        raise KeyboardInterrupt


def build(keep_last: int | None, keep_best: int = 1) -> TrainingRun:
    solver = {"KEEP_LAST": keep_last, "KEEP_BEST": keep_best}
    sections = {"DATASET": {"N_CLASSES": 3}, "MODEL": tiny_model(), "SOLVER": solver}
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


def test_the_best_ones_are_kept_also_by_a_resumed_run(tmp_path: Path) -> None:
    run = build(keep_last=1, keep_best=2)
    folder = CheckpointFolder(tmp_path, run, SilentReporter())
    for iteration, mean_iou in ((1, 0.5), (2, 0.75), (3, 0.5), (4, 0.25)):
        save(run, folder, iteration, mean_iou)
    assert iterations(tmp_path) == [1, 2, 4]

    resumed = build(keep_last=1, keep_best=2)
    checkpoint = load_checkpoint(tmp_path / "checkpoint_0000004.pth")
    resumed.restore(checkpoint)
    folder = CheckpointFolder(tmp_path, resumed, SilentReporter(), checkpoint.saved)
    for iteration, mean_iou in ((5, 0.6), (6, 0.1)):
        save(resumed, folder, iteration, mean_iou)
    assert iterations(tmp_path) == [2, 5, 6]


def test_a_checkpoint_that_would_not_fit_is_not_begun(tmp_path: Path) -> None:
    run = build(keep_last=1)
    with small_disk(tmp_path / "disk", "4m") as disk:
        with pytest.raises(OutputError, match=r"No space left on device: .* are needed, .* are free"):
            CheckpointFolder(disk, run, SilentReporter()).save()
        assert list(disk.iterdir()) == []


def test_a_checkpoint_for_which_there_is_no_room_after_all_leaves_nothing(tmp_path: Path) -> None:
    run = build(keep_last=1)
    with small_disk(tmp_path / "disk", "1m") as disk:
        fill(disk, leave=8192)
        with pytest.raises(OutputError, match="cannot be written: No space left on device") as caught:
            write_checkpoint(disk / "checkpoint.pth", run.checkpoint())
        assert isinstance(caught.value.__cause__, OSError)
        assert [path.name for path in disk.iterdir()] == ["filling"]


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
