"""`deeplab job submit --wait`: progress, an exit code that scripts can use, and a platform where none is running."""

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
import torch

from tests.acceptance.up_process import DEEPLAB, run_deeplab, running_up
from tests.processes import family_of, lives, wait_until
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import list_jobs
from worker.platform.home_lock import platform_at

pytestmark = pytest.mark.acceptance


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of the home folder that the commands use."""
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "home"))
    return Settings(home=tmp_path / "home")


def state_of(settings: Settings, job_id: int) -> str:
    """The state of a job, "" while there is none of that number."""
    with open_session(settings, reads_only=True) as session:
        return next((job.state for job in list_jobs(session) if job.id == job_id), "")


def test_runs_the_workers_itself_where_no_platform_runs(
    home: Settings, sample: Path, weights: Path, tmp_path: Path
) -> None:
    ended = run_deeplab(
        *("job", "submit", "segment", "-c", sample / "config.yaml", "--checkpoint", weights, "--wait"),
        *("--input", sample / "images", "--output", tmp_path / "out"),
    )
    assert ended.returncode == 0, ended.stderr
    assert (
        f"No platform is running in {home.home}, so this command runs the workers until job 1 ends.\n" in ended.stderr
    )
    n_masks = len(list((tmp_path / "out" / "masks").rglob("*.png")))
    assert n_masks > 0
    assert ended.stdout.startswith("Job 1 succeeded in ")
    assert ended.stdout.endswith(f": {n_masks} images segmented, in {tmp_path / 'out'}\n")
    assert json.loads(run_deeplab("job", "show", 1, "--json").stdout)["result"]["n_ok"] == n_masks
    assert platform_at(home) is None
    assert not (home.home / "valkey" / "valkey.sock").exists()


def test_uses_the_platform_that_runs(home: Settings, sample: Path) -> None:
    bad_weights = home.home.parent / "weights.pth"
    # In PyTorch's old format, of which nothing is known before it is loaded.
    torch.save({"of.another.model": torch.zeros(3)}, bad_weights, _use_new_zipfile_serialization=False)
    with running_up(home.home, "--no-web"):
        failed = run_deeplab(
            "job", "submit", "evaluate", "-c", sample / "config.yaml", "--checkpoint", bad_weights, "--wait"
        )
        assert failed.returncode == 1
        assert failed.stdout == ""
        assert "No platform is running" not in failed.stderr
        assert failed.stderr.splitlines()[-1].startswith(f"Error: Job 1 failed: {bad_weights}: ")

        command = [*DEEPLAB, "job", "submit", "train", "-c", str(sample / "config.yaml"), "--wait"]
        command += ["--set", "SOLVER.ITER_MAX=100000"]
        waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        with waiting:
            wait_until(lambda: state_of(home, 2) == "running", 60)
            waiting.send_signal(signal.SIGINT)
            _, said = waiting.communicate(timeout=30)
        assert waiting.returncode == 130
        assert said.endswith("Job 2 was not cancelled. To cancel it, run: deeplab job cancel 2\n")
        assert state_of(home, 2) == "running"

        assert run_deeplab("job", "cancel", 2).stdout == "Job 2 is being cancelled; this takes a few seconds.\n"
        wait_until(lambda: state_of(home, 2) == "cancelled", 30)


def test_interrupted_with_its_own_workers_it_gives_the_job_back(home: Settings, sample: Path) -> None:
    command = [*DEEPLAB, "job", "submit", "train", "-c", str(sample / "config.yaml"), "--wait"]
    command += ["--set", "SOLVER.ITER_MAX=100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
        wait_until(lambda: home.home.exists() and platform_at(home) is not None, 60)
        wait_until(lambda: state_of(home, 1) == "running", 60)
        family = family_of(waiting.pid)
        waiting.terminate()
        _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "Job 1 was not cancelled" in said
    assert state_of(home, 1) == "queued"
    assert [each for each in family if lives(each)] == []
    assert not any(str(home.home) in " ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"]))


def test_a_job_that_no_worker_can_run_says_why_it_waits(home: Settings, sample: Path) -> None:
    command = [*DEEPLAB, "job", "submit", "train", "-c", str(sample / "config.yaml"), "--wait", "--gpus", "64"]
    command += ["--set", "SOLVER.BATCH_SIZE.TRAIN=64"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        said = next(line for line in waiting.stderr if line.startswith("Job 1 waits."))
        waiting.terminate()
        waiting.stderr.read()
    assert said.startswith("Job 1 waits. It asks for 64 GPUs; no live worker has as many (at most ")
    assert waiting.returncode == 130
    assert state_of(home, 1) == "queued"
