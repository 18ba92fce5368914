import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.worker.cli.conftest import Deeplab
from worker.jobs.settings import Settings


def test_check_of_a_good_dataset(deeplab: Deeplab, config: Path) -> None:
    ended = deeplab("dataset", "check", "-c", config, "-j", 1)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[:2] == ["train: read 6 of 6 pairs, no problems.", "val: read 6 of 6 pairs, no problems."]
    assert lines[2].startswith("test: skipped. ")
    assert lines[3] == "warning: 6 of 6 images of val are also in train: 0, 1, 2, 3, 4 and 1 more."
    del lines[3]
    assert lines[4:6] == ["train: pixels by class", "CLASS  NAME       PIXELS      %  IMAGES"]
    assert lines[6].split()[:2] == ["0", "ground"]
    assert "12/12 images" in ended.stderr


def test_check_names_what_is_wrong(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    root = tmp_path / "drawn"
    (root / "images/0.png").unlink()
    (root / "masks/1.png").write_bytes(b"no mask")
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(root / "masks/2.png")
    Image.fromarray(np.full((40, 48), 9, np.uint8)).save(root / "masks/3.png")
    ended = deeplab("dataset", "check", "-c", config, "-j", 1, "--split", "val")
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[:9] == [
        "val: read 4 of 6 pairs, 4 problems.",
        "  missing:",
        f"    {root}/images/0",
        "  unreadable:",
        f"    {root}/masks/1.png: is not an image in a supported format (JPEG, PNG, BMP, TIFF, WebP, GIF and others).",
        "  sizes that differ:",
        f"    {root}/masks/2.png is 4x3, {root}/images/2.png is 48x40",
        "  values that are not classes:",
        f"    {root}/masks/3.png: 9 (1920 pixels)",
    ]


def test_check_shows_ten_findings_of_a_kind(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn/val.txt").write_text("".join(f"lost{number}\n" for number in range(13)) + "0\n")
    ended = deeplab("dataset", "check", "-c", config, "-j", 1, "--split", "val")
    assert ended.exit_code == 1
    assert "val: read 1 of 14 pairs, 26 problems." in ended.stdout
    assert ended.stdout.count("/lost") == 10
    assert "    and 16 more (--json lists all)" in ended.stdout


def test_check_counts_one_problem(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn/images/0.png").unlink()
    ended = deeplab("dataset", "check", "-c", config, "-j", 1, "--split", "val")
    assert ended.stdout.splitlines()[0] == "val: read 5 of 6 pairs, 1 problem."


def test_check_as_json(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 48), 9, np.uint8)).save(tmp_path / "drawn/masks/3.png")
    ended = deeplab("dataset", "check", "-c", config, "-j", 1, "--json")
    assert ended.exit_code == 1
    report = json.loads(ended.stdout)
    assert report["labels"] == ["ground", "box", "lid"]
    assert [split["split"] for split in report["splits"]] == ["train", "val", "test"]
    assert report["splits"][0]["strange"] == [{"mask": f"{tmp_path}/drawn/masks/3.png", "values": {"9": 1920}}]
    assert report["splits"][1]["n_read"] == 6


def test_check_of_a_split_that_is_not_there(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    ended = deeplab("dataset", "check", "-c", config, "--split", "night")
    assert ended.exit_code == 1
    assert ended.stdout == f"night: {tmp_path}/drawn/night.txt: the split list does not exist.\n"


def test_check_of_another_datasets_labels(deeplab: Deeplab, config: Path) -> None:
    ended = deeplab("dataset", "check", "-c", config, "--set", "DATASET.N_CLASSES=4")
    assert ended.exit_code == 1
    assert ended.stderr.endswith("the file names 3 classes, but DATASET.N_CLASSES is 4.\n")


def test_configuration_may_be_given_without_its_option(deeplab: Deeplab, config: Path) -> None:
    ended = deeplab("dataset", "check", config, "-j", 1, "--split", "val")
    assert ended.exit_code == 0, ended.output


def test_there_is_one_dataset(deeplab: Deeplab, config: Path) -> None:
    for arguments in ([], [config, "-c", config]):
        ended = deeplab("dataset", "check", *arguments)
        assert ended.exit_code == 2
        assert "Error: Expected either a dataset or '-c' / '--config-path'." in ended.stderr


def test_check_of_a_registered_dataset(deeplab: Deeplab, home: Settings, config: Path, tmp_path: Path) -> None:
    """All its splits, whatever their names."""
    root = tmp_path / "drawn"
    (root / "val.txt").rename(root / "night.txt")
    assert deeplab("dataset", "register", "drawn", root).exit_code == 0
    ended = deeplab("dataset", "check", "drawn", "-j", 1)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[:2] == [
        "night: read 6 of 6 pairs, no problems.",
        "train: read 6 of 6 pairs, no problems.",
    ]
    one = deeplab("dataset", "check", "drawn", "-j", 1, "--split", "night", "--set", "DATASET.N_CLASSES=4")
    assert one.exit_code == 1
    assert one.stderr.endswith("the file names 3 classes, but DATASET.N_CLASSES is 4.\n")


def test_check_of_what_is_neither_a_file_nor_registered(
    deeplab: Deeplab, monkeypatch: pytest.MonkeyPatch, home: Settings, config: Path, tmp_path: Path
) -> None:
    assert deeplab("dataset", "register", "drawn", tmp_path / "drawn").exit_code == 0
    ended = deeplab("dataset", "check", "gone.yaml")
    sentence = "Error: gone.yaml is neither a configuration file nor a registered dataset (registered: {}).\n"
    assert (ended.exit_code, ended.stderr) == (1, sentence.format("drawn"))
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "no platform"))
    assert deeplab("dataset", "check", "gone.yaml").stderr == sentence.format("none")
