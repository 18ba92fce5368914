from pathlib import Path

import pytest
import torch

from deeplab.errors import CheckpointError
from deeplab.models.weights.fill import load_weights
from deeplab.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from tests.deeplab.checkpoints import build, equal, whole


def test_names_sort_by_iteration(tmp_path: Path) -> None:
    assert checkpoint_path(tmp_path, 20000).name == "checkpoint_0020000.pth"
    assert checkpoint_path(tmp_path, None).name == "checkpoint_final.pth"


def test_a_training_state_comes_back(tmp_path: Path) -> None:
    model, path = build(), tmp_path / "a.pth"
    save_checkpoint(path, whole(model))

    read = load_checkpoint(path)
    assert (read.iteration, read.seed, read.losses, read.schedule) == (7, 3, [0.5], {"last_epoch": 7})
    assert equal(model, read.model)

    other = build()
    load_weights(other, path)
    assert equal(other, model.state_dict())
    assert [each.name for each in tmp_path.iterdir()] == ["a.pth"]


def test_resuming_needs_more_than_weights(tmp_path: Path) -> None:
    torch.save(build().state_dict(), tmp_path / "a.pth")
    torch.save({"format": 1, "model": {}}, tmp_path / "b.pth")
    with pytest.raises(CheckpointError, match=r"holds weights alone, from which training can start .* but not resume"):
        load_checkpoint(tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="lacks iteration, optimizer"):
        load_checkpoint(tmp_path / "b.pth")


def test_files_of_the_time_before_evaluations_are_resumed_without_any(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pth", whole(build()))
    content = torch.load(tmp_path / "a.pth")
    for name in ("validated", "best", "saved"):
        del content[name]
    torch.save(content, tmp_path / "old.pth")
    old = load_checkpoint(tmp_path / "old.pth")
    assert (old.validated, old.best, old.saved) == (None, None, [])
