from pathlib import Path

import pytest

from deeplab.errors import DatasetError
from tests.deeplab.drawing import draw_folder
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.datasets import DatasetNotFoundError, DatasetRefusedError
from worker.jobs.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = draw_folder(tmp_path / "streets")
    (root / "labels.txt").write_text("0\tsky\n1\troad\n")
    return root


def test_a_dataset_is_registered_with_its_splits(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", folder)
        assert (dataset.root, dataset.labels) == (str(folder), str(folder / "labels.txt"))
        assert (dataset.n_classes, dataset.splits) == (2, {"train": 6, "val": 6})
        assert datasets.get_by_name(session, "streets") == dataset
        datasets.register(session, "Alleys-2.0", folder)
        assert [each.name for each in datasets.list_datasets(session)] == ["Alleys-2.0", "streets"]


def test_names_are_plain_and_unique(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", folder)
        with pytest.raises(DatasetRefusedError, match="There is already a dataset named 'streets'"):
            datasets.register(session, "streets", folder)
        with pytest.raises(DatasetRefusedError, match=r"got '\.\./streets'"):
            datasets.register(session, "../streets", folder)


def test_what_a_folder_lacks_is_named(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        with pytest.raises(DatasetRefusedError, match="nowhere is not a folder"):
            datasets.register(session, "a", folder / "nowhere")
        (folder / "loop").symlink_to("loop")
        with pytest.raises(DatasetRefusedError, match="loop is not a folder"):
            datasets.register(session, "a", folder / "loop")
        with pytest.raises(DatasetError, match=r"other.txt: the labels file does not exist"):
            datasets.register(session, "a", folder, folder / "other.txt")
        for split in ("train", "val"):
            (folder / f"{split}.txt").unlink()
        with pytest.raises(DatasetRefusedError, match="has no split list"):
            datasets.register(session, "a", folder)
        (folder / "masks").rename(folder / "labels")
        with pytest.raises(DatasetRefusedError, match="masks is not a folder"):
            datasets.register(session, "a", folder)


def test_an_unknown_dataset_is_named_together_with_those_that_exist(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", folder)
        with pytest.raises(DatasetNotFoundError, match=r"no dataset named 'roads' \(registered: streets\)"):
            datasets.get_by_name(session, "roads")


def test_lists_from_windows_and_files_of_other_kinds(store: Settings, folder: Path) -> None:
    (folder / "val.txt").write_bytes("0\r\n1\r\n".encode("utf-16"))
    (folder / "images/x.mov").touch()
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", folder)
    assert dataset.splits == {"train": 6, "val": 2}
    assert datasets.passed_over(dataset) == {f"{folder}/images": {"mov": 1}}
    assert str(folder) == datasets.config_of(dataset).DATASET.ROOT
