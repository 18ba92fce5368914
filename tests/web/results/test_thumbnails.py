"""Pictures are made once, and those that nobody looks at go first."""

from pathlib import Path

import pytest

from tests.web.conftest import settings_in
from web.results import thumbnails
from worker.jobs import storage


def refuse() -> bytes:
    pytest.fail("made again")


def test_a_picture_is_made_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert thumbnails.load_or_make(settings, "a 1", lambda: b"one") == b"one"
    assert thumbnails.load_or_make(settings, "a 2", lambda: b"two") == b"two"
    assert thumbnails.load_or_make(settings, "a 1", refuse) == b"one"


def test_one_that_a_crash_left_empty_is_made_again(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    thumbnails.load_or_make(settings, "a", lambda: b"one")
    [path] = storage.thumbnails_dir(settings).glob("*/*")
    path.write_bytes(b"")
    assert thumbnails.load_or_make(settings, "a", lambda: b"one") == b"one"


def test_a_picture_that_cannot_be_kept_is_shown(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    storage.thumbnails_dir(settings).write_text("in the way")
    assert thumbnails.load_or_make(settings, "a", lambda: b"one") == b"one"
