"""One command, several processes."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import torch

from tests.worker.cli.conftest import Deeplab
from worker.cli.foreground import devices
from worker.cli.foreground.devices import is_shared_out, run_in_processes

FROZEN = ("--set", "SOLVER.FREEZE_BN=true")  # only GPUs can share batch norm
DEEPLAB = Path(sys.executable).with_name("deeplab")


# Given arguments of `deeplab`: its exit code, and what it and the processes that it starts print.
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(deeplab: Deeplab, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `deeplab` in this process, which has imported PyTorch already."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        ended = deeplab(*arguments)
        others = capfd.readouterr()
        return subprocess.CompletedProcess(
            arguments, ended.exit_code, ended.stdout + others.out, ended.stderr + others.err
        )

    return run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many processes were started, for which nothing runs."""
    numbers: list[int] = []

    def note(n: int, _arguments: list[str]) -> int:
        numbers.append(n)
        return 0

    monkeypatch.setattr(devices, "run_in_processes", note)
    return numbers


@pytest.fixture
def context() -> Iterator[click.Context]:
    """A call of a command, as it is while the command runs."""
    command = devices.DeviceCommand("train", params=[], callback=lambda: None)
    with command.make_context("train", []) as made, made:
        yield made


@pytest.mark.parametrize(
    ("n_gpus", "asked_for", "device", "batch_size", "expected"),
    [
        (0, None, "auto", 5, []),
        (1, None, "auto", 5, []),
        (4, None, "auto", 8, [4]),
        (4, None, "cuda", 8, [4]),
        (4, None, "auto", 10, [2]),
        (4, None, "auto", 5, []),
        (4, None, "auto", None, [4]),
        (4, None, "cpu", 8, []),
        (4, None, "cuda:1", 8, []),
        (4, 1, "auto", 8, []),
        (4, 1, "cuda:1", 8, []),
        (4, 3, "auto", 8, [3]),  # World.share says why not
        (4, "all", "auto", 8, [4]),
        (1, "all", "auto", 8, []),
        (0, 2, "auto", 8, [2]),
        (4, 6, "cpu", 12, [6]),
    ],
)
@pytest.mark.usefixtures("context")
def test_how_many_devices_are_used(
    monkeypatch: pytest.MonkeyPatch,
    started: list[int],
    n_gpus: int,
    asked_for: int | str | None,
    device: str,
    batch_size: int | None,
    expected: list[int],
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    assert is_shared_out(asked_for, device, batch_size) == bool(expected)
    assert started == expected


@pytest.mark.parametrize(
    ("asked_for", "device", "sentence"),
    [
        (2, "cuda:1", "--device cuda:1 names one device; leave out --devices or name no device."),
        (9, "auto", "--devices 9: only 4 GPUs can be seen."),
        ("all", "cpu", "--devices all is for GPUs, of which none is used; give a number of processes."),
    ],
)
def test_what_cannot_be(monkeypatch: pytest.MonkeyPatch, asked_for: int | str, device: str, sentence: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(click.UsageError) as caught:
        is_shared_out(asked_for, device)
    assert caught.value.message == sentence


def test_what_is_said_of_gpus_that_stay_idle(
    monkeypatch: pytest.MonkeyPatch, started: list[int], context: click.Context, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    is_shared_out(None, "auto", 10)
    is_shared_out(None, "auto", 12)
    assert capsys.readouterr().err.splitlines() == [
        "Using 2 of 4 GPUs: SOLVER.BATCH_SIZE.TRAIN, 10, is no multiple of 4.",
        "Using all 4 GPUs; --devices 1 uses one.",
    ]
    assert started == [2, 4]


@pytest.mark.parametrize("value", ["0", "many", "-1"])
def test_other_values_are_refused(deeplab: Deeplab, output: list[str], value: str) -> None:
    ended = deeplab("train", *output, "--devices", value)
    assert ended.exit_code == 2
    assert f"'{value}' is neither a number of devices nor 'all'." in ended.stderr


@pytest.mark.slow
def test_two_processes_train_and_test_as_one(run: Run, experiment: Path, output: list[str], tmp_path: Path) -> None:
    output = [*output, *FROZEN]
    both, alone = tmp_path / "both", tmp_path / "alone"
    ended = run("train", *output, "--cpu", "-o", both, "--devices", "2", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["checkpoint"] == str(both / "checkpoint_final.pth")
    assert ended.stderr.count("4/4 iterations") == 1
    assert run("train", *output, "--cpu", "-o", alone).returncode == 0
    losses = [torch.load(folder / "checkpoint_final.pth")["losses"] for folder in (both, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)

    scores, logits = [], []
    for n in ("2", "1"):
        tested = run("test", *output, "-m", experiment / "weights.pth", "--cpu", "--devices", n, "--json")
        assert tested.returncode == 0, tested.stderr
        assert tested.stderr.count("2/2 images") == 1
        scores.append(json.loads(tested.stdout))
        files = sorted((tmp_path / "features").rglob("*.npy"))
        logits.append([np.load(path) for path in files])
        for path in files:
            path.unlink()
    assert scores[0] == scores[1]
    assert len(logits[0]) == len(logits[1]) == 2
    assert all(np.allclose(one, other, atol=1e-4) for one, other in zip(*logits, strict=True))


@pytest.mark.slow
def test_an_error_is_said_once(run: Run, output: list[str], tmp_path: Path) -> None:
    ended = run("train", *output, *FROZEN, "--cpu", "--devices", "2", "--set", "SOLVER.BATCH_SIZE.TRAIN=3")
    assert ended.returncode == 1
    sentence = "Error: SOLVER.BATCH_SIZE.TRAIN must be a multiple of the number of processes, 2; it is 3.\n"
    assert ended.stderr.endswith(sentence)
    assert ended.stderr.count("Error") == 1
    missing = run("test", *output, "-m", tmp_path / "none.pth", "--cpu", "--devices", "2")
    assert missing.returncode == 1
    assert missing.stderr.count("none.pth") == 1


@pytest.mark.slow
def test_a_signal_stops_all_with_a_checkpoint(output: list[str], tmp_path: Path) -> None:
    endless = ("--set", "SOLVER.ITER_MAX=1000000", "--set", "SOLVER.ITER_SAVE=1000000")
    arguments = [str(DEEPLAB), "train", *output, *FROZEN, *endless, "--cpu", "--devices", "2", "-o", str(tmp_path)]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, bufsize=1)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if re.match(r"\d+/1000000 iterations", line):
            process.send_signal(signal.SIGINT)
            break
    said += process.stderr.read()
    process.stderr.close()
    assert process.wait() == 130
    (saved,) = re.findall(r"Stopped\. Continue with --resume (\S+)", said)
    assert torch.load(saved)["iteration"] > 0
    assert "Traceback" not in said


def test_a_process_that_dies_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script = "import os, sys, time; sys.exit(3) if os.environ['RANK'] == '0' else os.kill(os.getpid(), 9)"
    monkeypatch.setattr(devices, "command_line", lambda _command: [sys.executable, "-c", script])
    assert run_in_processes(2, ["train"]) == 3
    assert capsys.readouterr().err == "Process 2 of 2 was ended by signal 9, perhaps for lack of memory.\n"


def test_those_that_do_not_end_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import os, sys, time; sys.exit(3) if os.environ['RANK'] == '0' else time.sleep(600)"
    monkeypatch.setattr(devices, "command_line", lambda _command: [sys.executable, "-c", script])
    monkeypatch.setattr(devices, "_GRACE_SECONDS", 0.5)
    assert run_in_processes(2, ["train"]) == 3
