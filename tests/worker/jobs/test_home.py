import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.strangers import as_nobody, error_of, folder_of_root
from worker.jobs.database import engine_for, upgrade
from worker.jobs.home import HomeError, close_home
from worker.jobs.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The umask of a usual shell, and afterwards that of before."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_and_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    settings = close_home(load_settings(home=tmp_path / "home"))
    upgrade(settings)
    (settings.home / "logs").mkdir()
    (settings.home / "logs" / "web.log").touch()
    engine_for(settings.database).dispose()
    assert mode(settings.home) == 0o700
    for path in settings.home.rglob("*"):
        assert mode(path) & 0o077 == 0, path
    assert settings.output_umask == 0o022


def test_an_open_home_is_closed_and_a_warning_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with caplog.at_level(logging.WARNING):
        close_home(load_settings(home=home))
    assert mode(home) == 0o700
    assert caplog.messages == [f"The home folder {home} could be entered by others; it is closed now."]


def test_a_database_that_a_command_makes_is_private(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home")
    upgrade(settings)
    engine_for(settings.database).dispose()
    assert mode(settings.home) == 0o700
    assert mode(settings.home / "deeplab.sqlite") == 0o600


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match=r"file/home cannot be used: Not a directory; choose another one with --home"):
        close_home(load_settings(home=tmp_path / "file" / "home"))


def test_a_home_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with folder_of_root(0o755) as home:
        sentence = as_nobody(lambda: error_of(lambda: close_home(load_settings(home=home))))
    assert f"The home folder {home} cannot be used: user 65534 cannot write to it; choose another" in sentence


@pytest.mark.parametrize("root", ["", "home", "home/jobs", "home/jobs/1", "home/logs", "home/valkey", "link"])
def test_a_data_root_with_the_platforms_own_files_is_refused(tmp_path: Path, root: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(
        SettingsError, match=r"DEEPLAB_DATA_ROOTS: .* (holds the home folder|is the platform's own folder)"
    ):
        load_settings(home=tmp_path / "home", data_roots=(tmp_path / root,))
    load_settings(home=tmp_path / "home", data_roots=(tmp_path / "home" / "data", tmp_path / "other"))


def test_the_permissions_of_outputs_are_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPLAB_OUTPUT_UMASK", "027")
    settings = close_home(load_settings(home=tmp_path / "home"))
    assert settings.output_umask == 0o027
    assert settings.environment()["DEEPLAB_OUTPUT_UMASK"] == "027"
    monkeypatch.setenv("DEEPLAB_OUTPUT_UMASK", "rw-")
    with pytest.raises(SettingsError, match="DEEPLAB_OUTPUT_UMASK: "):
        load_settings()


def test_settings_of_a_home_survive_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings: Settings = close_home(load_settings(home=tmp_path / "home"))
    monkeypatch.setattr(os, "environ", settings.environment())
    assert load_settings() == settings
