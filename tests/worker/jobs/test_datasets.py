from pathlib import Path

import pytest

from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.split import open_split
from deeplab.datasets.version import split_version
from deeplab.errors import ConfigError, DatasetError
from tests.configs import write_config
from tests.deeplab.datasets.arrangements import LAYOUTS, arrange, draw_sources
from tests.deeplab.drawing import draw_folder
from tests.worker.store import submit
from worker.jobs import dataset_versions, datasets, jobs
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import UnusableDatasetError, survey
from worker.jobs.datasets import DatasetNotFoundError, NameRefusedError
from worker.jobs.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = draw_folder(tmp_path / "streets")
    (root / "labels.txt").write_text("0\tsky\n1\troad\n2\tcar\n")
    return root


def test_a_dataset_is_registered_with_its_splits(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey(folder))
        assert (dataset.root, dataset.labels) == (str(folder), str(folder / "labels.txt"))
        assert (dataset.n_classes, dataset.splits) == (3, {"train": 6, "val": 6})
        assert datasets.get_by_name(session, "streets") == dataset
        datasets.register(session, "Alleys-2.0", survey(folder))
        assert [each.name for each in datasets.list_datasets(session)] == ["Alleys-2.0", "streets"]


def test_names_are_plain_and_unique(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", survey(folder))
        with pytest.raises(NameRefusedError, match="There is already a dataset named 'streets'"):
            datasets.register(session, "streets", survey(folder))
        with pytest.raises(NameRefusedError, match=r"got '\.\./streets'"):
            datasets.register(session, "../streets", survey(folder))


def test_a_labels_file_must_exist(store: Settings, folder: Path) -> None:
    with (
        open_session(store) as session,
        pytest.raises(DatasetError, match=r"other\.txt: the labels file does not exist"),
    ):
        datasets.register(session, "a", survey(folder, folder / "other.txt"))


def test_an_unknown_dataset_is_named_together_with_those_that_exist(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", survey(folder))
        with pytest.raises(DatasetNotFoundError, match=r"no dataset named 'roads' \(registered: streets\)"):
            datasets.get_by_name(session, "roads")


def test_a_dataset_is_a_configuration(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey(folder))
    assert str(folder) == datasets.config_of(dataset, ["DATASET.IGNORE_LABEL=254"]).DATASET.ROOT
    with pytest.raises(ConfigError, match=r"DATASET\.ROOTS"):
        datasets.config_of(dataset, ["DATASET.ROOTS=x"])


def test_a_refresh_is_a_new_version_if_something_has_changed(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey(folder))
        assert not datasets.refresh(session, "streets", survey(folder))[1]
        (folder / "test.txt").write_text("0\n1\n")
        refreshed, is_new = datasets.refresh(session, "streets", survey(folder))
        assert is_new
        assert refreshed.splits == {"train": 6, "val": 6, "test": 2}
        newest, first = dataset_versions.list_versions(session, dataset.id)
    assert (newest.number, first.number) == (2, 1)
    assert newest.digest != first.digest
    assert newest.splits["train"] == first.splits["train"]
    config = datasets.config_of(refreshed)
    assert newest.splits["train"]["version"] == split_version(open_split(config, "train"))


def test_jobs_remember_the_version_that_was_newest(store: Settings, folder: Path) -> None:
    config = str(write_config(store.home))
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey(folder))
        before = submit(session, store, dataset="streets", config=config)
        (folder / "val.txt").write_text("0\n")
        datasets.refresh(session, "streets", survey(folder))
        after = submit(session, store, dataset="streets", config=config)
        elsewhere = submit(session, store, dataset="streets", config=config, overrides="DATASET.ROOT=/elsewhere")
        versions = [each.digest for each in dataset_versions.list_versions(session, dataset.id)]
        assert [after.dataset_version, before.dataset_version] == versions
        assert elsewhere.dataset_version is None
        assert dataset_versions.count_uses(session, ["streets"]) == {versions[0]: 1, versions[1]: 1, None: 1}
        uses = dataset_versions.list_uses(session, ["streets"], digest=versions[0])
        assert [use.job_id for use in uses] == [after.id]


def test_a_renamed_dataset_is_found_by_both_names(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", survey(folder))
        datasets.register(session, "alleys", survey(folder))
        renamed = datasets.rename(session, "streets", "roads")
        assert (renamed.name, renamed.former_names) == ("roads", ["streets"])
        assert datasets.get_by_name(session, "streets") == datasets.get_by_name(session, "roads") == renamed
        for name in ("alleys", "streets"):
            with pytest.raises(NameRefusedError, match=f"already a dataset named '{name}'"):
                datasets.register(session, name, survey(folder))
        with pytest.raises(NameRefusedError, match="'alleys'"):
            datasets.rename(session, "roads", "alleys")
        assert datasets.rename(session, "roads", "streets").former_names == ["roads"]


def test_a_removed_dataset_leaves_its_files_and_its_jobs(store: Settings, folder: Path) -> None:
    with open_session(store) as session:
        datasets.register(session, "streets", survey(folder))
        job = submit(session, store, dataset="streets", config=str(write_config(store.home)))
        datasets.remove(session, "streets")
        assert datasets.list_datasets(session) == []
        assert jobs.get(session, job.id).dataset == "streets"
        assert datasets.register(session, "streets", survey(folder)).name == "streets"
    assert (folder / "images/0.png").exists()


def test_what_no_job_could_use_is_refused(folder: Path) -> None:
    (folder / "labels.txt").write_text("0\tsky\n1\troad\n")
    with pytest.raises(UnusableDatasetError, match=r"holds the value 2; expected classes 0 to 1 or 255; .* names 2"):
        survey(folder)
    (folder / "labels.txt").write_text("0\tsky\n1\troad\n2\tcar\n")
    for number in range(6):
        (folder / f"masks/{number}.png").rename(folder / f"masks/{number}_mask.png")
    with pytest.raises(UnusableDatasetError, match=r"No image has a mask\. .*/masks: 6 of 6 files"):
        survey(folder)


def test_what_may_be_wrong_is_a_note(folder: Path) -> None:
    (folder / "masks/0.png").unlink()
    (folder / "test.txt").write_text("0\n0\n")
    unlisted, missing, *_ = survey(folder).notes
    assert unlisted == f"The split test cannot be used: {folder}/test.txt: line 2 repeats '0' of line 1."
    assert missing == f"{folder}/masks: 1 of 6 files of the split 'train' are missing: 0."


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_can_be_registered(store: Settings, tmp_path: Path, layout: str) -> None:
    root = tmp_path / "data"
    train, val = (draw_sources(tmp_path / name, n=2, n_classes=4, seed=seed) for seed, name in enumerate("ab"))
    section = arrange(layout, root, train, val)
    (root / "labels.txt").write_text("0\ta\n1\tb\n2\tc\n3\td\n")
    with open_session(store) as session:
        dataset = datasets.register(session, "streets", survey(root, layout=layout))
    names = section["SPLIT"]["TRAIN"], section["SPLIT"]["VAL"]
    assert dataset.splits == dict.fromkeys(names, 2)
    config = datasets.config_of(dataset).DATASET
    if layout != "voc":
        assert names == (config.SPLIT.TRAIN, config.SPLIT.VAL)
    assert list_split(config, names[0]).n_ids == 2


def test_a_published_dataset_brings_the_shipped_labels(tmp_path: Path) -> None:
    sources = draw_sources(tmp_path / "a", n=2, n_classes=4)
    arrange("voc", tmp_path / "data", sources, sources)
    assert survey(tmp_path / "data", layout="voc").version.class_names[15] == "person"


def test_a_folder_without_splits_of_its_layout_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"no split of the layout coco; expected annotations/instances_train2017"):
        survey(folder, layout="coco")
