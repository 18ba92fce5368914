import json
from pathlib import Path

from tests.worker.cli.conftest import Deeplab
from worker.jobs.settings import Settings


def draw_dataset(root: Path) -> Path:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for name in ("a", "b"):
        (root / f"images/{name}.png").touch()
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
