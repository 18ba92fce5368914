import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from deeplab.config import load_config
from deeplab.datasets.drawn.dataset import draw_dataset
from deeplab.images.files import read_mask
from deeplab.inference.manifest import read_manifest
from deeplab.models.build import build_from_config, build_model
from deeplab.releases import RELEASES
from tests.worker.cli.conftest import Deeplab

SCORES = ["Pixel Accuracy", "Mean Accuracy", "Frequency Weighted IoU", "Mean IoU", "Class IoU"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set with the config of a tiny network, and weights for it."""
    folder = tmp_path_factory.mktemp("local") / "shapes"
    draw_dataset(folder, n_train=2, n_val=2, n_unlabelled=2, size=48)
    keys = yaml.safe_load((folder / "config.yaml").read_text())
    keys["MODEL"] = {"NAME": "DeepLabV2_ResNet50_MSC", "N_BLOCKS": [1, 1, 1, 1], "ATROUS_RATES": [1, 2], "WIDTH": 4}
    keys["SOLVER"] |= {"ITER_MAX": 4, "ITER_SAVE": 2, "BATCH_SIZE": {"TRAIN": 2}, "LR": 1e-3}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(keys))
    torch.manual_seed(0)
    torch.save(build_from_config(load_config(folder / "tiny.yaml")).state_dict(), folder / "weights.pth")
    return folder


@pytest.fixture
def output(experiment: Path, tmp_path: Path) -> list[str]:
    """Options that put the files of an experiment into the test's folder."""
    return ["-c", str(experiment / "tiny.yaml"), "--set", f"EXP.OUTPUT_DIR={tmp_path}"]


def test_train_writes_checkpoints_and_resumes(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    whole = deeplab("train", *output, "--cpu")
    folder = tmp_path / "models" / "shapes" / "deeplabv2_resnet50_msc" / "train"
    assert whole.exit_code == 0, whole.output
    assert whole.stdout == f"Trained: {folder / 'checkpoint_final.pth'}\n"
    assert "4/4 iterations" in whole.stderr
    assert not (folder / "logs").exists()
    assert list((tmp_path / "logs" / "shapes").glob("events.*"))
    resumed = deeplab(
        *("train", *output, "--device", "cpu", "-o", tmp_path / "again", "--json"),
        *("--resume", folder / "checkpoint_0000002.pth"),
    )
    final = tmp_path / "again" / "checkpoint_final.pth"
    assert json.loads(resumed.stdout) == {"checkpoint": str(final), "best": None, "best_checkpoint": None}
    assert list((tmp_path / "again" / "logs").glob("events.*"))
    expected, got = (torch.load(path)["model"] for path in (folder / "checkpoint_final.pth", final))
    assert all(torch.equal(value, got[key]) for key, value in expected.items())


def test_train_names_the_best_checkpoint(deeplab: Deeplab, output: list[str], tmp_path: Path) -> None:
    options = ["--cpu", "-o", tmp_path / "run", "--set", "SOLVER.EVAL_EVERY=2", "--set", "SOLVER.KEEP_LAST=1"]
    said = deeplab("train", *output, *options)
    told = json.loads(deeplab("train", *output, *options, "--json").stdout)

    iteration, path = told["best"]["iteration"], tmp_path / "run" / f"checkpoint_{told['best']['iteration']:07d}.pth"
    assert told["best_checkpoint"] == str(path)
    assert torch.load(path)["best"] == told["best"]
    mean_iou = f"{told['best']['mean_iou']:.1%}"
    assert said.stdout.splitlines()[1] == f"Best:    {path} (mean IoU {mean_iou} at iteration {iteration})"
    assert "2/2 validation images" in said.stderr
    assert "the best so far." in said.stderr


def test_test_and_crf_write_scores_as_the_original(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    ended = deeplab("test", *output, "-m", experiment / "weights.pth", "--cpu")
    assert ended.exit_code == 0, ended.output
    part = Path("shapes") / "deeplabv2_resnet50_msc" / "val"
    logits = np.load(tmp_path / "features" / part / "logit" / "val_0001.npy")
    assert logits.dtype == np.float32
    assert logits.shape == (6, 7, 7)
    scores = json.loads((tmp_path / "scores" / part / "scores.json").read_text())
    assert list(scores) == SCORES
    assert list(scores["Class IoU"]) == [str(index) for index in range(6)]
    assert f"Mean IoU {scores['Mean IoU']:.1%}" in ended.stdout
    assert "triangle" in ended.stdout
    assert "2/2 images" in ended.stderr

    refined = deeplab("crf", *output, "-j", 1, "--json")
    assert refined.exit_code == 0, refined.output
    assert json.loads(refined.stdout) == json.loads((tmp_path / "scores" / part / "scores_crf.json").read_text())
    assert list(json.loads(refined.stdout)) == SCORES


def test_crf_searches_a_grid(deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path) -> None:
    assert deeplab("test", *output, "-m", experiment / "weights.pth", "--cpu").exit_code == 0
    command = ["crf", *output, "--cpu", "--grid", "BI_W=1,30", "--grid", "iter_max=0,5"]
    ended = deeplab(*command)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["BI_W", "ITER_MAX", "MEAN", "IOU"]
    assert [line.split()[:2] for line in lines[1:5]] == [["1", "0"], ["1", "5"], ["30", "0"], ["30", "5"]]
    assert "8/8 refinements" in ended.stderr
    (best,) = (line for line in lines if line.endswith("best"))
    bi_w, iter_max = best.split()[:2]
    assert f"Best of 4 on 2 images: --set CRF.BI_W={bi_w} --set CRF.ITER_MAX={iter_max}" in lines

    path = tmp_path / "scores" / "shapes" / "deeplabv2_resnet50_msc" / "val" / "crf_search.json"
    sampled = json.loads(deeplab(*command, "--sample", 1, "--json").stdout)
    assert sampled == json.loads(path.read_text())
    assert sampled["n_images"] == 1
    assert sampled["best"]["mean_iou"] == max(trial["mean_iou"] for trial in sampled["trials"])
    assert [trial["setting"] for trial in sampled["trials"]][1] == {"BI_W": 1, "ITER_MAX": 5}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--grid", "BI_V=1"], "'BI_V' is not a parameter of the CRF; did you mean BI_W?"),
        (["--grid", "BI_W=x"], "BI_W must be a number of at least 0, got 'x'."),
        (["--sample", "3"], "--sample is for a search; give --grid too."),
    ],
)
def test_a_bad_search_is_one_sentence(
    deeplab: Deeplab, output: list[str], tmp_path: Path, options: list[str], sentence: str
) -> None:
    ended = deeplab("crf", *output, *options)
    assert ended.exit_code != 0
    assert ended.stderr.splitlines()[-1] == f"Error: {sentence}"
    assert list(tmp_path.iterdir()) == []


def test_test_of_another_split_without_logits(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    ended = deeplab("test", *output, "-m", experiment / "weights.pth", "-s", "train", "--no-logits", "--json")
    assert ended.exit_code == 0, ended.output
    assert list(json.loads(ended.stdout)) == SCORES
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]


def test_crf_before_test_says_what_is_missing(deeplab: Deeplab, output: list[str]) -> None:
    ended = deeplab("crf", *output)
    assert ended.exit_code == 1
    assert "the logits of 2 of 2 images are missing" in ended.stderr


@pytest.mark.parametrize("options", [[], ["--crf"]])
def test_single_draws_a_figure(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path, options: list[str]
) -> None:
    image, figure = experiment / "unlabelled" / "scene_00.png", tmp_path / "new" / "figure.png"
    command = ["single", *output, "-m", experiment / "weights.pth", "-i", image, *options]
    ended = deeplab(*command, "-o", figure)
    assert ended.exit_code == 0, ended.output
    assert f"Figure: {figure}" in ended.stdout
    with Image.open(figure) as drawn:
        assert drawn.width > 2 * 96  # the image and at least one region

    found = json.loads(deeplab(*command, "-o", figure, "--json").stdout)
    assert found["figure"] == str(figure)
    assert sum(each["share"] for each in found["classes"]) == pytest.approx(1)


def test_segment_fills_a_folder_and_continues(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    command = ["segment", *output, "-m", experiment / "weights.pth", experiment / "unlabelled", tmp_path / "out"]
    ended = deeplab(*command, "--overlays", "--batch-size", 2)
    assert ended.exit_code == 0, ended.output
    assert "2 segmented, 0 could not be, 0 were done before" in ended.stdout
    assert read_mask(tmp_path / "out" / "masks" / "scene_00.png.png").shape == (72, 96)
    assert (tmp_path / "out" / "overlays" / "scene_01.png.jpg").exists()
    summary = json.loads(deeplab(*command, "--json").stdout)
    assert (summary["n_ok"], summary["n_skipped"], summary["output"]) == (0, 2, str(tmp_path / "out"))
    assert sum(summary["pixels"].values()) == 2 * 72 * 96
    refined = deeplab(*command, "--crf")
    assert refined.exit_code == 1
    assert "holds the results of a run with different crf" in refined.stderr
    assert deeplab(*command[:-1], tmp_path / "refined", "--crf").exit_code == 0


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
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(60):
        (photos / f"{number}.png").symlink_to(experiment / "unlabelled" / "scene_00.png")
    verb = [sys.executable, "-m", "worker.cli", "segment", "--cpu"]
    command: list[str | Path] = [
        *verb,
        "-c",
        experiment / "tiny.yaml",
        "-m",
        experiment / "weights.pth",
        photos,
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
    assert said.splitlines()[-1] == f"Stopped after {done} of 60 images. The same command continues."
    assert subprocess.run(command, capture_output=True, check=True).returncode == 0
    rows = read_manifest(tmp_path / "out" / "manifest.csv")
    assert sorted(row.path for row in rows) == sorted(f"{number}.png" for number in range(60))


def test_stopped_training_says_how_to_resume(
    deeplab: Deeplab, output: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.cli.console import ConsoleReporter

    monkeypatch.setattr(ConsoleReporter, "should_stop", lambda _: True)
    ended = deeplab("train", *output, "--cpu", "-o", tmp_path / "run")
    assert ended.exit_code == 130
    assert ended.stderr.splitlines()[-1] == f"Stopped. Continue with --resume {tmp_path / 'run/checkpoint_0000000.pth'}"


def test_sample_shapes_draws_a_data_set(deeplab: Deeplab, tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    ended = deeplab("sample", "shapes", folder, "--train", 2, "--val", 1, "--size", 32)
    assert ended.exit_code == 0, ended.output
    assert f"deeplab train -c {folder / 'config.yaml'}" in ended.stdout
    again = deeplab("sample", "shapes", folder)
    assert again.exit_code == 1
    assert again.stderr == f"Error: {folder}: is not empty; the dataset needs a new or empty folder.\n"


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


def test_published_weights_by_name(
    deeplab: Deeplab, experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    downloads = tmp_path / "hub" / "checkpoints"
    downloads.mkdir(parents=True)
    model = build_model("lraspp_mobilenet_v3_large", 21)
    torch.save(model.state_dict(), downloads / RELEASES["lraspp_mobilenet_v3_large"].file_name)
    config = Path(__file__).parents[4] / "configs" / "voc12-lraspp.yaml"
    image = next((experiment / "images").rglob("*.*"))

    arguments = ["single", "-c", config, "--set", "DATASET.LABELS=", "-i", image, "-o", tmp_path / "figure.png"]
    named = deeplab(*arguments, "--cpu", "--json", "--weights", "COCO_WITH_VOC_LABELS_V1")
    configured = deeplab(*arguments, "--cpu", "--json")
    unknown = deeplab(*arguments, "--weights", "COCO_V9")

    assert named.exit_code == 0, named.output
    assert named.stdout == configured.stdout
    assert "'COCO_V9' is not a name of torchvision's weights for lraspp_mobilenet_v3_large" in unknown.output
