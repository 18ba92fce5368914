import logging
from pathlib import Path

import pytest

from tests.strangers import as_nobody, folder_of_root
from worker.jobs.data_roots import complaint, warn_of_roots
from worker.jobs.settings import load_settings


def test_what_is_wrong_with_a_root_is_said_and_the_others_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "fine").mkdir()
    (tmp_path / "file").touch()
    roots = tuple(tmp_path / name for name in ("fine", "file", "missing"))
    with caplog.at_level(logging.WARNING):
        warn_of_roots(load_settings(home=tmp_path / "home", data_roots=roots), writes=True)
    file, missing = caplog.messages
    assert file == f"The data root {tmp_path}/file is not a folder."
    assert f"{tmp_path}/missing does not exist" in missing


def test_a_missing_root_of_the_home_is_made_at_need(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_roots(load_settings(home=tmp_path), writes=True)
    assert not caplog.messages


@pytest.mark.parametrize(
    ("mode", "writes", "verb"),
    [(0o755, True, "write to"), (0o700, True, "read"), (0o700, False, "read"), (0o755, False, None)],
)
def test_a_root_of_another_user(mode: int, writes: bool, verb: str | None) -> None:
    with folder_of_root(mode) as root:
        sentence = as_nobody(lambda: complaint(root, writes=writes) or "")
    if verb is None:
        assert sentence == ""
    else:
        assert f"User 65534 cannot {verb} the data root {root}, which belongs to user 0;" in sentence
        assert "DEEPLAB_UID" in sentence
