import os
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from web.access import folders
from web.access.folders import FolderRefusedError, list_folder, list_roots
from web.access.paths import CONFIG_SUFFIXES
from worker.jobs.settings import Settings


@pytest.fixture
def root(new_settings: Settings) -> Path:
    root = new_settings.roots[0]
    (root / "Photos" / "old").mkdir(parents=True)
    (root / "archive").mkdir()
    (root / ".hidden").mkdir()
    for name in ("a.jpg", "b.PNG", "c.yaml", "notes.txt"):
        (root / name).touch()
    (root / os.fsdecode(b"latin-\xe9")).mkdir()
    (root / "inside").symlink_to(root / "Photos")
    (root / "outside").symlink_to(new_settings.home)
    return root


def test_lists_folders_files_of_a_kind_and_counts_images(new_settings: Settings, root: Path) -> None:
    listing = list_folder(new_settings, str(root), CONFIG_SUFFIXES)
    assert [entry.name for entry in listing.folders] == ["archive", "inside", "Photos"]
    assert [entry.name for entry in listing.files] == ["c.yaml"]
    assert (listing.path, listing.parent, listing.n_images) == (str(root), None, 2)


def test_a_subfolder_names_its_parent(new_settings: Settings, root: Path) -> None:
    assert list_folder(new_settings, str(root / "Photos")).parent == str(root)


@pytest.mark.parametrize(
    "path", ["/", "/etc", "{root}/..", "{root}/outside", "{root}/Photos/../../..", "data", "", "{root}/\0"]
)
def test_refuses_everything_outside(new_settings: Settings, root: Path, path: str) -> None:
    with pytest.raises(FolderRefusedError, match=r"is outside|leads out of|not an absolute path"):
        list_folder(new_settings, path.format(root=root))


def test_says_what_cannot_be_listed(new_settings: Settings, root: Path) -> None:
    with pytest.raises(FolderRefusedError, match="nothing cannot be listed: No such file"):
        list_folder(new_settings, str(root / "nothing"))


def test_roots_are_those_that_exist(new_settings: Settings) -> None:
    settings = new_settings.model_copy(update={"data_roots": (new_settings.home / "data", new_settings.home / "gone")})
    assert [entry.path for entry in list_roots(settings).folders] == [str((settings.home / "data").resolve())]


def test_the_picker_shows_the_roots_again_when_a_path_is_refused(new_client: FlaskClient, root: Path) -> None:
    fragment = new_client.get("/pick", query_string={"path": "/etc"})
    assert fragment.status_code == 200
    assert "/etc is outside" in fragment.text
    assert str(root) in fragment.text


def test_a_large_folder_is_looked_at_in_part(
    new_settings: Settings, new_client: FlaskClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_MOST_ENTRIES", 9)
    assert list_folder(new_settings, str(root)).is_whole is False
    page = new_client.get("/pick", query_string={"path": str(root), "for": "input"}).text
    assert "This folder holds more than is shown here." in page
    monkeypatch.setattr(folders, "_MOST_ENTRIES", 10)
    assert list_folder(new_settings, str(root)).is_whole
    answer = new_client.get("/api/v1/folders", query_string={"path": str(root)}).json
    assert answer is not None
    assert answer["is_whole"] is True
