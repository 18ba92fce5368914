import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.__main__ import _run
from tests.browser.chromium import find_chromium

pytestmark = pytest.mark.browser


def test_an_installed_browser_is_taken(tmp_path: Path) -> None:
    chromium = tmp_path / "google-chrome"
    chromium.write_text("#!/bin/sh\n")
    chromium.chmod(0o755)
    command = [sys.executable, "-m", "tests.browser"]
    run = subprocess.run(command, env=os.environ | {"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert run.stdout == f"The browser tests use {chromium}.\n"


def test_without_any_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert find_chromium() is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", None),
        ("echo 'E: no such package.' >&2; echo later >&2; exit 1", "E: no such package"),
        ("echo out; exit 3", "out"),
        ("exit 3", "it failed"),
    ],
)
def test_an_installer_that_fails_says_why(script: str, reason: str | None) -> None:
    assert _run(["/bin/sh", "-c", script]) == reason


def test_an_installer_that_is_not_there_is_no_crash(tmp_path: Path) -> None:
    assert "No such file" in (_run([str(tmp_path / "apt-get")]) or "")
