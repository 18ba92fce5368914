from pathlib import Path

import pytest

from deeplab.datasets.layouts.survey import survey_folder
from deeplab.errors import ConfigError, DatasetError
from tests.deeplab.drawing import draw_folder
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.datasets import DatasetNotFoundError, NameRefusedError
from worker.jobs.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = draw_folder(tmp_path / "streets")
    (root / "labels.txt").write_text("0\tsky\n1\troad\n")
    return root


def test_a_dataset_is_registered_with_its_splits(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey_folder(folder))
        assert (dataset.root, dataset.labels) == (str(folder), str(folder / "labels.txt"))
        assert (dataset.n_classes, dataset.splits) == (2, {"train": 6, "val": 6})
        assert datasets.get_by_name(session, "streets") == dataset
        datasets.register(session, "Alleys-2.0", survey_folder(folder))
        assert [each.name for each in datasets.list_datasets(session)] == ["Alleys-2.0", "streets"]


def test_names_are_plain_and_unique(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", survey_folder(folder))
        with pytest.raises(NameRefusedError, match="There is already a dataset named 'streets'"):
            datasets.register(session, "streets", survey_folder(folder))
        with pytest.raises(NameRefusedError, match=r"got '\.\./streets'"):
            datasets.register(session, "../streets", survey_folder(folder))


def test_a_labels_file_must_exist(store: Settings, folder: Path) -> None:
    with (
        open_session(store) as session,
        pytest.raises(DatasetError, match=r"other\.txt: the labels file does not exist"),
    ):
        datasets.register(session, "a", survey_folder(folder, folder / "other.txt"))


def test_an_unknown_dataset_is_named_together_with_those_that_exist(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", survey_folder(folder))
        with pytest.raises(DatasetNotFoundError, match=r"no dataset named 'roads' \(registered: streets\)"):
            datasets.get_by_name(session, "roads")


def test_a_dataset_is_a_configuration(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey_folder(folder))
    assert str(folder) == datasets.config_of(dataset, ["DATASET.IGNORE_LABEL=254"]).DATASET.ROOT
    with pytest.raises(ConfigError, match=r"DATASET\.ROOTS"):
        datasets.config_of(dataset, ["DATASET.ROOTS=x"])
