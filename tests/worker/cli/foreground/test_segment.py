import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deeplab.images.masks import read_mask
from deeplab.inference.manifest import read_manifest
from tests.deeplab.video.filming import cut_short, film
from tests.worker.cli.conftest import Deeplab
from worker.jobs import submission
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


def test_segment_fills_a_folder_and_continues(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    command = ["segment", *output, "-m", experiment / "weights.pth", experiment / "unlabelled", tmp_path / "out"]
    ended = deeplab(*command, "--overlays", "--batch-size", 2)
    assert ended.exit_code == 0, ended.output
    assert "Segmented 2 images in " in ended.stdout
    assert "; 0 failed, 0 already done." in ended.stdout
    assert read_mask(tmp_path / "out" / "masks" / "scene_00.png.png").shape == (72, 96)
    assert (tmp_path / "out" / "overlays" / "scene_01.png.jpg").exists()
    summary = json.loads(deeplab(*command, "--json").stdout)
    assert (summary["n_ok"], summary["n_skipped"], summary["output"]) == (0, 2, str(tmp_path / "out"))
    assert sum(summary["pixels"].values()) == 2 * 72 * 96
    refined = deeplab(*command, "--crf")
    assert refined.exit_code == 1
    assert "holds the results of a run with different crf" in refined.stderr
    assert deeplab(*command[:-1], tmp_path / "refined", "--crf").exit_code == 0


def test_a_folder_of_a_job_is_refused(
    deeplab: Deeplab, home: Settings, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    weights, images = experiment / "weights.pth", experiment / "unlabelled"
    request = {"checkpoint": str(weights), "input": str(images), "output": str(tmp_path / "out")}
    job = submission.submit(home, parse_spec("segment", {**request, "config": str(experiment / "tiny.yaml")}))
    ended = deeplab("segment", *output, "-m", weights, images, tmp_path / "out" / "inner")
    assert ended.exit_code == 1
    assert f"belongs to job {job.id} (queued) until that has ended" in ended.stderr


def test_a_run_of_which_every_image_failed_has_failed(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "images" / name).write_text("no image")
    ended = deeplab(
        "segment", *output, "-m", experiment / "weights.pth", tmp_path / "images", tmp_path / "out", "--json"
    )
    first = tmp_path / "images" / "a.png"
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert f"\nError: None of 2 files could be segmented; the first: {first}: is not an image" in ended.stderr
    assert len(read_manifest(tmp_path / "out" / "manifest.csv")) == 2


def test_files_of_other_kinds_are_said(deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").symlink_to(experiment / "unlabelled" / "scene_00.png")
    for name in ("b.raw", "c.raw", "d"):
        (images / name).touch()
    command = ["segment", *output, "-m", experiment / "weights.pth", images, tmp_path / "out"]
    assert "3 files are of another kind: 2 raw, 1 without suffix.\n" in deeplab(*command).stdout
    assert json.loads(deeplab(*command, "--json").stdout)["passed_over"] == {"raw": 2, "no suffix": 1}
    assert json.loads((tmp_path / "out/passed_over.json").read_text()) == {"raw": 2, "no suffix": 1}


def test_a_video_becomes_a_labelled_video(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    path = film(tmp_path / "film.mp4", n=5)
    command = ["segment", *output, "-m", experiment / "weights.pth", path, tmp_path / "out"]
    ended = deeplab(*command, "--every", 2)
    assert ended.exit_code == 0, ended.output
    assert "Segmented 1 video (3 frames) in " in ended.stdout
    assert f"Labelled videos: {tmp_path / 'out' / 'overlays'}" in ended.stdout
    assert "Masks: " not in ended.stdout
    summary = json.loads(deeplab(*command, "--every", 2, "--video-output", "masks", "--json").stdout)
    assert (summary["n_ok"], summary["n_videos"], summary["n_frames"]) == (1, 1, 3)
    assert read_mask(tmp_path / "out" / "masks" / "film.mp4" / "00000004.png").shape == (32, 48)


def test_one_video_that_fails_is_a_failure(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    path = cut_short(film(tmp_path / "film.mkv", n=30))
    ended = deeplab("segment", *output, "-m", experiment / "weights.pth", path, tmp_path / "out")
    assert ended.exit_code == 1
    assert f"Error: {path}: is cut short: it ends at " in ended.stderr


def test_options_of_the_runtime_are_configuration_keys(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    command = ["segment", *output, "-m", experiment / "weights.pth", experiment / "unlabelled", tmp_path / "out"]
    ended = deeplab(*command, "--precision", "bf16")
    assert ended.exit_code == 0, ended.output
    assert json.loads((tmp_path / "out" / "run.json").read_text())["precision"] == "bf16"
    continued = deeplab(*command, "--set", "RUNTIME.PRECISION=bf16")
    assert continued.exit_code == 0, continued.output
    other = deeplab(*command)
    assert other.exit_code == 1
    assert "precision" in other.stderr


def test_ctrl_c_ends_a_run_gently(experiment: Path, tmp_path: Path) -> None:
    """Interrupt a real process in the middle of its work; the same command then finishes it."""
    images = tmp_path / "images"
    images.mkdir()
    for number in range(60):
        (images / f"{number}.png").symlink_to(experiment / "unlabelled" / "scene_00.png")
    verb = [sys.executable, "-m", "worker.cli", "segment", "--cpu"]
    command: list[str | Path] = [
        *verb,
        "-c",
        experiment / "tiny.yaml",
        "-m",
        experiment / "weights.pth",
        images,
        tmp_path / "out",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        until = time.monotonic() + 60
        while len(read_manifest(tmp_path / "out" / "manifest.csv")) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    done = len(read_manifest(tmp_path / "out" / "manifest.csv"))
    assert child.returncode == 130, said
    assert said.splitlines()[-1] == f"Stopped after {done} of 60 images. Run the same command again to continue."
    assert subprocess.run(command, capture_output=True, check=True).returncode == 0
    rows = read_manifest(tmp_path / "out" / "manifest.csv")
    assert sorted(row.path for row in rows) == sorted(f"{number}.png" for number in range(60))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-c", "gone.yaml"], "gone.yaml: the config file does not exist."),
        (["--set", "SOLVER.LRR=1"], "SOLVER.LRR is not a known key; did you mean SOLVER.LR?"),
        (["-m", "gone.pth"], "gone.pth: the checkpoint does not exist."),
        (["--device", "quantum"], "'quantum' is not a device"),
    ],
)
def test_bad_input_is_one_sentence(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path, options: list[str], sentence: str
) -> None:
    ended = deeplab(
        *("segment", *output, "-m", experiment / "weights.pth", *options),
        *(experiment / "unlabelled", tmp_path / "out"),
    )
    assert ended.exit_code == 1
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.count("\n") == 1
    assert sentence in ended.stderr
    assert not (tmp_path / "out").exists()
