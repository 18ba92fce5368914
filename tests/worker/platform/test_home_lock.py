import subprocess
import sys
from pathlib import Path

import pytest

from worker.jobs.home import HomeError
from worker.jobs.settings import Settings
from worker.platform.home_lock import HomeLock, HomeLockedError, platform_at

_HOLD = """
import sys, time
from worker.platform.home_lock import HomeLock
from worker.jobs.settings import Settings
with HomeLock(Settings(home=sys.argv[1]), "deeplab up", "http://127.0.0.1:8000"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_nobody_runs_on_a_new_home(settings: Settings) -> None:
    assert platform_at(settings) is None
    assert not settings.home.exists()


def test_second_platform_is_told_where_the_first_one_is(settings: Settings) -> None:
    with HomeLock(settings, "deeplab up", "http://127.0.0.1:8123") as lock:
        assert platform_at(settings) == lock.holder
        with pytest.raises(
            HomeLockedError, match=r"already running \(deeplab up, process \d+\) and listens on http://12"
        ):
            HomeLock(settings, "deeplab up", None).__enter__()
    assert platform_at(settings) is None
    with HomeLock(settings, "deeplab up", None):
        pass


def test_lock_ends_with_its_process_however_that_ends(settings: Settings) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(settings.home)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == "held\n"
        found = platform_at(settings)
        assert found is not None
        assert found.pid == holder.pid
        holder.kill()
    assert platform_at(settings) is None


def test_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match=r"The home folder .*file/home cannot be used: Not a directory; choose another"):
        HomeLock(Settings(home=tmp_path / "file" / "home"), "deeplab up", None).__enter__()
