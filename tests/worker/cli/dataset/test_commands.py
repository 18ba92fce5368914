import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.deeplab.drawing import draw_folder
from tests.file_server import serve_files
from tests.worker.cli.conftest import Deeplab


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a drawn dataset of six images, whose splits are the same."""
    root = draw_folder(tmp_path / "drawn")
    (root / "labels.txt").write_text("0\tground\n1\tbox\n2\tlid\n")
    path = tmp_path / "config.yaml"
    dataset = {"N_CLASSES": 3, "ROOT": str(root), "LABELS": str(root / "labels.txt")}
    path.write_text(yaml.safe_dump({"DATASET": dataset, "IMAGE": {"SIZE": {"TRAIN": 30}}}))
    return path


def test_check_of_a_good_dataset(deeplab: Deeplab, config: Path) -> None:
    ended = deeplab("dataset", "check", config, "-j", 1)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[:2] == ["train: 6 of 6 pairs read, nothing is wrong.", "val: 6 of 6 pairs read, nothing is wrong."]
    assert lines[2].startswith("test: left out. ")
    assert lines[4:6] == ["train: pixels by class", "CLASS  NAME       PIXELS      %  IMAGES"]
    assert lines[6].split()[:2] == ["0", "ground"]
    assert "12/12 images" in ended.stderr


def test_check_names_what_is_wrong(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    root = tmp_path / "drawn"
    (root / "images/0.png").unlink()
    (root / "masks/1.png").write_bytes(b"no mask")
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(root / "masks/2.png")
    Image.fromarray(np.full((40, 48), 9, np.uint8)).save(root / "masks/3.png")
    ended = deeplab("dataset", "check", config, "-j", 1, "--split", "val")
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[:9] == [
        "val: 4 of 6 pairs read, 4 problems.",
        "  missing:",
        f"    {root}/images/0",
        "  unreadable:",
        f"    {root}/masks/1.png: is not an image in a supported format (JPEG, PNG, BMP, TIFF or WebP).",
        "  sizes differ:",
        f"    {root}/masks/2.png is 4x3, {root}/images/2.png is 48x40",
        "  labels that are no class:",
        f"    {root}/masks/3.png: 9 (1920 pixels)",
    ]


def test_check_shows_ten_findings_of_a_kind(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn/val.txt").write_text("".join(f"lost{number}\n" for number in range(13)) + "0\n")
    ended = deeplab("dataset", "check", config, "-j", 1, "--split", "val")
    assert ended.exit_code == 1
    assert "val: 1 of 14 pairs read, 26 problems." in ended.stdout
    assert ended.stdout.count("/lost") == 10
    assert "    and 16 more (--json lists all)" in ended.stdout


def test_check_counts_one_problem(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn/images/0.png").unlink()
    ended = deeplab("dataset", "check", config, "-j", 1, "--split", "val")
    assert ended.stdout.splitlines()[0] == "val: 5 of 6 pairs read, 1 problem."


def test_check_as_json(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 48), 9, np.uint8)).save(tmp_path / "drawn/masks/3.png")
    ended = deeplab("dataset", "check", config, "-j", 1, "--json")
    assert ended.exit_code == 1
    report = json.loads(ended.stdout)
    assert report["labels"] == ["ground", "box", "lid"]
    assert [split["split"] for split in report["splits"]] == ["train", "val", "test"]
    assert report["splits"][0]["strange"] == [{"mask": f"{tmp_path}/drawn/masks/3.png", "values": {"9": 1920}}]
    assert report["splits"][1]["n_read"] == 6


def test_check_of_a_split_that_is_not_there(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    ended = deeplab("dataset", "check", config, "--split", "night")
    assert ended.exit_code == 1
    assert ended.stdout == f"night: {tmp_path}/drawn/night.txt: the split list does not exist.\n"


def test_check_of_another_datasets_labels(deeplab: Deeplab, config: Path) -> None:
    ended = deeplab("dataset", "check", config, "--set", "DATASET.N_CLASSES=4")
    assert ended.exit_code == 1
    assert ended.stderr.endswith("the file names 3 classes, but DATASET.N_CLASSES is 4.\n")


def test_preview(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    ended = deeplab("dataset", "preview", config, "-o", tmp_path / "out.png", "--images", 6, "--columns", 3)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == f"Preview: {tmp_path / 'out.png'}\n"
    with Image.open(tmp_path / "out.png") as grid:
        assert grid.size == (2 * (3 * 40 + 10), 2 * 40 + 10)


def test_preview_that_cannot_be_written(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = deeplab("dataset", "preview", config, "-o", tmp_path / "file/out.png", "--images", 1)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1].startswith(f"Error: {tmp_path}/file: the folder cannot be created")


def write_archive(folder: Path, content: bytes = b"jpeg") -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / "cocostuff-10k-v1.1.zip", "w") as archive:
        archive.writestr("images/0.jpg", content)


def test_download(deeplab: Deeplab, tmp_path: Path) -> None:
    write_archive(tmp_path / "served")
    with serve_files(tmp_path / "served") as server:
        ended = deeplab("dataset", "download", "cocostuff10k", tmp_path / "data", "--mirror", server.url)
        again = deeplab("dataset", "download", "cocostuff10k", tmp_path / "data", "--mirror", server.url, "--json")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == f"cocostuff10k is complete. Set DATASET.ROOT to: {tmp_path / 'data'}\n"
    assert json.loads(again.stdout) == {"name": "cocostuff10k", "root": str(tmp_path / "data")}
    assert (tmp_path / "data/images/0.jpg").read_bytes() == b"jpeg"


def test_download_of_what_is_not_there(deeplab: Deeplab, tmp_path: Path) -> None:
    with serve_files(tmp_path) as server:
        ended = deeplab("dataset", "download", "voc12", tmp_path / "data", "--mirror", server.url)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1] == (
        f"Error: {server.url}/VOCtrainval_11-May-2012.tar: the server answered 404 Not Found."
    )


def test_download_of_an_unknown_dataset(deeplab: Deeplab, tmp_path: Path) -> None:
    ended = deeplab("dataset", "download", "imagenet", tmp_path)
    assert ended.exit_code == 2
    assert "'imagenet' is not one of 'voc12', 'cocostuff10k', 'cocostuff164k'" in ended.stderr


def test_download_is_stopped_by_ctrl_c_and_continued(deeplab: Deeplab, tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(100_000)
    write_archive(tmp_path / "served", content)
    part = tmp_path / "data/cocostuff-10k-v1.1.zip.part"
    with serve_files(tmp_path / "served") as server:
        server.piece, server.pause = 1000, 0.2
        command = ["dataset", "download", "cocostuff10k", str(tmp_path / "data"), "--mirror", server.url]
        child = subprocess.Popen([sys.executable, "-m", "worker.cli", *command], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while not part.with_name(f"{part.name}.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 130, errors
        assert errors.splitlines()[-1].endswith("The same command continues.")
        kept = part.stat().st_size
        server.pause = 0
        assert deeplab(*command).exit_code == 0
    assert 0 < kept < len(content)
    assert server.ranges[-1] == f"bytes={kept}-"
    assert (tmp_path / "data/images/0.jpg").read_bytes() == content
