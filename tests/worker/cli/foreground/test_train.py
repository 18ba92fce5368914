import json
from pathlib import Path

import pytest
import torch

from tests.worker.cli.conftest import Deeplab
from worker.cli.reporter import ConsoleReporter


def test_train_writes_checkpoints_and_resumes(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    whole = deeplab("train", *output, "--cpu")
    folder = tmp_path / "models" / "shapes" / "deeplabv2_resnet50_msc" / "train"
    assert whole.exit_code == 0, whole.output
    assert whole.stdout == (
        f"Trained: {folder / 'checkpoint_final.pth'}\nWeights: {folder / 'weights_final.pth'} (alone, for other code)\n"
    )
    assert "4/4 iterations" in whole.stderr
    assert not (folder / "logs").exists()
    assert list((tmp_path / "logs" / "shapes").glob("events.*"))
    resumed = deeplab(
        *("train", *output, "--device", "cpu", "-o", tmp_path / "again", "--json"),
        *("--resume", folder / "checkpoint_0000002.pth"),
    )
    final = tmp_path / "again" / "checkpoint_final.pth"
    weights = tmp_path / "again" / "weights_final.pth"
    assert json.loads(resumed.stdout) == {
        "checkpoint": str(final),
        "weights": str(weights),
        "best": None,
        "best_checkpoint": None,
        "early_end": None,
    }
    assert list((tmp_path / "again" / "logs").glob("events.*"))
    expected, got = (torch.load(path)["model"] for path in (folder / "checkpoint_final.pth", final))
    assert all(torch.equal(value, got[key]) for key, value in expected.items())
    alone = torch.load(weights)
    assert all(torch.equal(value, alone[key]) for key, value in expected.items())


def test_train_names_the_best_checkpoint(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    options = ["--cpu", "-o", tmp_path / "run", "--set", "SOLVER.EVAL_EVERY=2", "--set", "SOLVER.KEEP_LAST=1"]
    said = deeplab("train", *output, *options)
    told = json.loads(deeplab("train", *output, *options, "--json").stdout)

    iteration, path = told["best"]["iteration"], tmp_path / "run" / f"checkpoint_{told['best']['iteration']:07d}.pth"
    assert told["best_checkpoint"] == str(path)
    assert torch.load(path)["best"] == told["best"]
    mean_iou = f"{told['best']['mean_iou']:.1%}"
    assert said.stdout.splitlines()[2] == f"Best:    {path} (mean IoU {mean_iou} at iteration {iteration})"
    assert "2/2 validation images" in said.stderr
    assert "the best so far." in said.stderr


def test_train_says_that_it_ended_early(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    keys = ("SOLVER.LR=1e-20", "SOLVER.FREEZE_BN=true", "SOLVER.EVAL_EVERY=1", "SOLVER.PATIENCE=1")
    options = ["--cpu", "-o", tmp_path / "run", *(each for key in keys for each in ("--set", key))]
    said = deeplab("train", *output, *options).stdout.splitlines()
    assert said[0] == "Ended early at iteration 2: 1 validation in a row had no better mean IoU (SOLVER.PATIENCE)."
    assert said[1] == f"Trained: {tmp_path / 'run' / 'checkpoint_final.pth'}"


def test_stopped_training_says_how_to_resume(
    deeplab: Deeplab, output: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConsoleReporter, "should_stop", lambda _: True)
    ended = deeplab("train", *output, "--cpu", "-o", tmp_path / "run")
    assert ended.exit_code == 130
    assert ended.stderr.splitlines()[-1] == f"Stopped. Continue with --resume {tmp_path / 'run/checkpoint_0000000.pth'}"


def test_training_says_what_it_starts_from(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    ended = deeplab("train", *output, "--cpu", "-o", tmp_path / "run", "--set", "SOLVER.ITER_MAX=1")
    lines = ended.stderr.splitlines()
    assert [line.split(":")[0] for line in lines[:5]] == [
        *("Device", "Dataset", "Model", "Initial weights", "Checkpoints")
    ]
    assert lines[4] == f"Checkpoints: {tmp_path / 'run'}"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_said(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    for option, said in (("--cuda", True), ("--cpu", False)):
        ended = deeplab("train", *output, option, "-o", tmp_path / "run", "--set", "SOLVER.ITER_MAX=1")
        assert ended.exit_code == 0, ended.output
        assert ("--cuda: PyTorch finds no GPU on this machine, so the CPU is used." in ended.stderr) == said
        assert "Device: cpu." in ended.stderr
