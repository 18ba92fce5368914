import threading
from pathlib import Path

import pytest

from tests.web.conftest import settings_in
from web.access import turns
from web.access.turns import NoTurnError, turn_to_decode


def test_few_decode_at_a_time_and_few_wait_for_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    running, most, refused = [0], [0], [0]
    full, lock = threading.Event(), threading.Lock()

    def decode() -> None:
        try:
            with turn_to_decode(settings):
                with lock:
                    running[0] += 1
                    most[0] = max(most[0], running[0])
                full.wait(30)
                with lock:
                    running[0] -= 1
        except NoTurnError:
            with lock:
                refused[0] += 1
                if refused[0] == 4:
                    full.set()

    threads = [threading.Thread(target=decode) for _ in range(turns.WAITING + 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], refused[0]) == (turns.AT_ONCE, 4)


def test_other_processes_take_turns_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel knows no difference between files that one process has opened twice and those of two processes."""
    settings = settings_in(tmp_path)
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0)
    with turn_to_decode(settings), pytest.raises(NoTurnError, match="try again"), turn_to_decode(settings):
        pass
    with turn_to_decode(settings):
        pass


def test_a_turn_ends_with_an_error(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for _ in range(turns.WAITING + 1):
        with pytest.raises(ValueError, match="damaged"), turn_to_decode(settings):
            raise ValueError("damaged")
