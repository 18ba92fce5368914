import json
from pathlib import Path

import numpy as np

from tests.deeplab.drawing import write_pair
from tests.worker.cli.conftest import Deeplab
from worker.cli.dataset.registered import describe_uses
from worker.jobs.settings import Settings


def draw_dataset(root: Path) -> Path:
    for name in ("a", "b"):
        write_pair(root, name, np.zeros((4, 5, 3), np.uint8), np.array([[0, 0, 0, 1, 255]] * 4, np.uint8))
    (root / "train.txt").write_text("a\nb\n")
    (root / "labels.txt").write_text("0\troad\n1\tsky\n")
    return root


def test_datasets(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    assert deeplab("dataset", "list").output == "No datasets found.\n"
    assert deeplab("dataset", "register", "street", root).output == "Registered street: 2 classes, train 2.\n"
    assert deeplab("dataset", "list").output.splitlines()[1].split() == ["street", "2", "train", "2", str(root)]
    (listed,) = json.loads(deeplab("dataset", "list", "--json").output)
    assert listed["splits"] == {"train": 2}
    again = deeplab("dataset", "register", "street", root)
    assert (again.exit_code, again.stderr) == (1, "Error: There is already a dataset named 'street'.\n")


def test_dataset_with_labels_elsewhere(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    labels = (root / "labels.txt").rename(tmp_path / "names.txt")
    ended = deeplab("dataset", "register", "street", root, "--labels", labels, "--json")
    assert json.loads(ended.output)["labels"] == str(labels)


def test_what_is_not_read_is_said(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    (root / "README.txt").write_text("Streets by night.\n")
    (root / "images/c.mov").touch()
    assert deeplab("dataset", "register", "street", root).output.splitlines()[1:] == [
        f"{root}/README.txt is no split list: none of its lines names an image.",
        f"{root}/images: 1 file is of another kind: 1 mov.",
    ]
    registered = json.loads(deeplab("dataset", "register", "again", root, "--json").output)
    assert registered["other_texts"] == {"README.txt": "none of its lines names an image"}
    assert registered["passed_over"] == {f"{root}/images": {"mov": 1}}


def test_a_dataset_that_no_job_could_use_is_refused(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    write_pair(root, "b", np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 7, np.uint8))
    refused = deeplab("dataset", "register", "street", root)
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"Error: {root}/masks/b.png holds the value 7; expected classes 0 to 1 or 255; {root}/labels.txt names 2"
        " classes.\n",
    )


def test_a_dataset_is_refreshed_renamed_shown_and_removed(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    deeplab("dataset", "register", "street", root)
    unchanged = "Refreshed street, nothing has changed: 2 classes, train 2.\n"
    assert deeplab("dataset", "refresh", "street").output == unchanged
    (root / "val.txt").write_text("b\n")
    assert deeplab("dataset", "refresh", "street").output.startswith("Refreshed street, a new version: 2 classes")
    assert deeplab("dataset", "rename", "street", "road").output == "street is road now.\n"
    shown = json.loads(deeplab("dataset", "show", "street", "--json").output)
    assert (shown["name"], [each["number"] for each in shown["versions"]]) == ("road", [2, 1])
    lines = deeplab("dataset", "show", "road").output.splitlines()
    assert lines[-2].split()[::2] == ["2", "2", "2,", "1"]
    removed = deeplab("dataset", "remove", "road", "--yes").output
    assert removed == f"Unregistered road; its files stay in {root}.\n"
    assert deeplab("dataset", "list").output == "No datasets found.\n"
    assert (root / "labels.txt").exists()


def test_jobs_that_refer_to_a_dataset_are_named() -> None:
    assert describe_uses("street", [], 0) == "No job refers to street."
    assert describe_uses("street", [7], 1).startswith("Job 7 refers to street; its results")
    assert describe_uses("street", [9, 8], 5).startswith("Jobs 9, 8 and 3 older ones refer to street;")
