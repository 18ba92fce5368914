from pathlib import Path

import pytest

from worker.jobs.broker import connection
from worker.jobs.broker.connection import BrokerError
from worker.jobs.settings import Settings


def test_password_is_made_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert connection.password(settings) == connection.password(settings) != ""


def test_socket_path_is_short_and_one_per_home(tmp_path: Path) -> None:
    paths = {connection.socket_path(Settings(home=tmp_path / name)) for name in ("a", "b", "a" * 200, "b" * 200)}
    assert len(paths) == 4
    assert all(len(str(path)) < 104 for path in paths)


def test_unreachable_broker_is_named_without_its_password(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, broker_url="redis://:secret@127.0.0.1:1/0")
    sentence = r"The broker redis://:\*\*\*@127\.0\.0\.1:1/0 cannot be reached: .+ Connection refused\."
    with pytest.raises(BrokerError, match=sentence):
        connection.check_reachable(settings)
