"""Training by several processes, started by torchrun as users do."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from torch import Tensor

from deeplab.config import load_config
from deeplab.reporter import SilentReporter
from deeplab.training.checkpoint import Checkpoint, load_checkpoint
from deeplab.training.train import train
from tests.deeplab.drawing import draw_folder
from tests.deeplab.training.runs import TINY
from tests.deeplab.training.torchrun import BIN, run_together, run_unsupervised, torchrun

pytestmark = pytest.mark.slow


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    """Of a tiny model with frozen batch norm, and batches of four."""
    keys: dict[str, Any] = {**TINY, "DATASET": {**TINY["DATASET"], "ROOT": str(draw_folder(tmp_path / "data"))}}
    keys["SOLVER"] = {**TINY["SOLVER"], "FREEZE_BN": True, "BATCH_SIZE": {"TRAIN": 4}}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(keys))
    return path


def command(config_path: Path, output: Path, *options: str | Path) -> list[str | Path]:
    return [BIN / "deeplab", "train", "-c", config_path, "--cpu", "-o", output, *options]


def train_alone(config_path: Path, output: Path, *overrides: str, resume: Path | None = None) -> Checkpoint:
    config = load_config(config_path, overrides)
    return load_checkpoint(train(config, output, SilentReporter(), device="cpu", resume=resume).checkpoint)


def assert_close(one: Checkpoint, other: Checkpoint, within: float = 1e-5) -> None:
    assert one.iteration == other.iteration
    assert one.losses == pytest.approx(other.losses, rel=within)
    assert one.model.keys() == other.model.keys()
    for key, value in one.model.items():
        assert distance(value, other.model[key]) <= within, key
    for number, state in one.optimizer["state"].items():
        assert distance(state["momentum_buffer"], other.optimizer["state"][number]["momentum_buffer"]) <= 10 * within, (
            number
        )


def distance(one: Tensor, other: Tensor) -> float:
    """How far apart two tensors are, as a share of the length of the second.

    Their elements are sums that rounding moves by a share of the largest terms, however near to zero they come to lie.
    """
    return float((one.double() - other.double()).norm() / other.double().norm().clamp(min=1e-30))


@pytest.mark.parametrize(
    ("keys", "within"),
    [((), 1e-5), (("SOLVER.CLASS_WEIGHTS=inverse", "SOLVER.LABEL_SMOOTHING=0.1", "SOLVER.LR=1e-4"), 1e-4)],
)
def test_two_processes_come_to_the_result_of_one(
    config_path: Path, tmp_path: Path, keys: tuple[str, ...], within: float
) -> None:
    keys = ("SOLVER.AVERAGE_LOSS=6", *keys)  # all losses are kept
    alone = train_alone(config_path, tmp_path / "alone", *keys)
    options = [option for key in keys for option in ("--set", key)]
    ended = run_together(*command(config_path, tmp_path / "together", *options))

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        f"Trained: {tmp_path / 'together' / 'checkpoint_final.pth'}",
        f"Weights: {tmp_path / 'together' / 'weights_final.pth'} (alone, for other code)",
    ]
    assert ended.stderr.count("6/6 iterations") == 1
    assert len(list((tmp_path / "together" / "logs").iterdir())) == 1
    assert_close(load_checkpoint(tmp_path / "together" / "checkpoint_final.pth"), alone, within)

    middle = tmp_path / "together" / "checkpoint_0000002.pth"
    assert_close(train_alone(config_path, tmp_path / "resumed", *keys, resume=middle), alone, within)


def test_both_end_early(config_path: Path, tmp_path: Path) -> None:
    keys = ("SOLVER.LR=1e-20", "SOLVER.EVAL_EVERY=1", "SOLVER.PATIENCE=2", "SOLVER.AVERAGE_LOSS=6")
    options = [each for key in keys for each in ("--set", key)]
    main, other = run_unsupervised(*command(config_path, tmp_path, *options))
    assert (main.returncode, other.returncode) == (0, 0), main.stderr + other.stderr
    assert main.stdout.startswith("Ended early at iteration 3: 2 validations in a row had no better mean IoU")
    assert load_checkpoint(tmp_path / "checkpoint_final.pth").iteration == 3


def test_a_signal_stops_both_with_a_checkpoint(config_path: Path, tmp_path: Path) -> None:
    endless = ("--set", "SOLVER.ITER_MAX=1000000", "--set", "SOLVER.ITER_SAVE=1000000")
    process = subprocess.Popen(
        torchrun(*command(config_path, tmp_path, *endless)), stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.match(r"\d+/1000000 iterations", line):
            process.send_signal(signal.SIGTERM)
            break
    lines += process.stderr.readlines()
    process.wait()
    process.stderr.close()

    said = "".join(lines)
    (saved,) = re.findall(r"Stopped\. Continue with --resume (\S+)", said)
    assert load_checkpoint(Path(saved)).iteration > 0
    assert said.count("Saved ") == 1


DYING = """
import os, sys
from pathlib import Path
from deeplab.config import load_config
from deeplab.reporter import SilentReporter
from deeplab.training.run import TrainingRun
from deeplab.training.train import train
compute_loss = TrainingRun._loss
def die_at_the_fourth(run, images, labels):
    loss = compute_loss(run, images, labels)
    if run.iteration == 3 and run.world.rank == 1:
        os._exit(7)
    return loss
TrainingRun._loss = die_at_the_fourth
train(load_config(Path(sys.argv[1]), ["SOLVER.AVERAGE_LOSS=6"]), Path(sys.argv[2]), SilentReporter(), device="cpu")
"""


def test_when_one_of_them_dies_in_an_iteration_the_first_saves_what_came_before(
    config_path: Path, tmp_path: Path
) -> None:
    survivor, _ = run_unsupervised(sys.executable, "-c", DYING, config_path, tmp_path / "out")
    assert survivor.stderr.rstrip().endswith("Another process of this run ended; its own output says why.")
    saved = tmp_path / "out" / "checkpoint_0000003.pth"
    key = "SOLVER.AVERAGE_LOSS=6"
    resumed = train_alone(config_path, tmp_path / "resumed", key, resume=saved)
    assert_close(resumed, train_alone(config_path, tmp_path / "alone", key))


def test_what_one_of_them_cannot_read_ends_both_with_a_sentence(config_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    for path in sorted((root / "images").iterdir())[1:]:  # whoever comes to another than the first
        Image.new("RGB", (3, 3)).save(path)

    ended = run_together(*command(config_path, tmp_path / "out"))

    assert ended.returncode == 1
    assert len(re.findall(r"^Error: .*$", ended.stderr, re.MULTILINE)) == 1
    assert "Traceback" not in ended.stderr.split("ChildFailedError")[0].rpartition("Error: ")[0]
    assert not list((tmp_path / "out").glob("*.pth"))


def test_what_two_processes_cannot_do_is_refused_once(config_path: Path, tmp_path: Path) -> None:
    ended = run_unsupervised(*command(config_path, tmp_path / "out", "--set", "SOLVER.BATCH_SIZE.TRAIN=3"))
    sentence = "Error: SOLVER.BATCH_SIZE.TRAIN must be a multiple of the number of processes, 2; it is 3.\n"
    assert [each.returncode for each in ended] == [1, 1]
    assert "".join(each.stderr for each in ended).count(sentence) == 1
    assert not (tmp_path / "out").exists()
