import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import complaint, find_chromium

pytestmark = pytest.mark.browser


def program(path: Path, script: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def said(**environment: str | Path) -> str:
    """What `make test` says before the tests."""
    changed = os.environ | {name: str(value) for name, value in environment.items()}
    return subprocess.run(
        [sys.executable, "-m", "tests.browser"], env=changed, capture_output=True, text=True, check=True
    ).stdout


def test_an_installed_browser_is_taken(tmp_path: Path) -> None:
    chromium = program(tmp_path / "google-chrome")
    node = program(tmp_path / "node")
    assert said(PATH=tmp_path, PLAYWRIGHT_NODEJS_PATH=node) == f"The browser tests use {chromium}.\n"


def test_else_the_newest_of_playwrights_that_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    for revision in (999, 1200):
        program(tmp_path / f"chromium-{revision}" / "chrome-linux64" / "chrome")
    program(tmp_path / "chromium-1201" / "chrome-linux64" / "chrome", "echo no library; exit 127")
    assert find_chromium() == tmp_path / "chromium-1200" / "chrome-linux64" / "chrome"


def test_without_any_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert find_chromium() is None


def test_what_is_missing_is_said_in_a_line_with_its_packages(tmp_path: Path) -> None:
    node = program(tmp_path / "bin" / "node", "echo 'node: cannot load libatomic.so.1.' >&2; exit 127")
    text = said(PATH=tmp_path, PLAYWRIGHT_BROWSERS_PATH=tmp_path, PLAYWRIGHT_NODEJS_PATH=node)
    assert text == (
        "The browser tests will be skipped: there is no Chromium that starts, and Playwright does not start"
        " (node: cannot load libatomic.so.1); install it with: apt-get install chromium libatomic1\n"
    )


def test_an_installer_that_fails_says_why_and_the_sentence_names_the_package(tmp_path: Path) -> None:
    script = 'test "$*" = "${*%install*}" || { echo "Error: getaddrinfo ENOTFOUND" >&2; exit 1; }'
    node = program(tmp_path / "bin" / "node", script)
    text = said(PATH=tmp_path, PLAYWRIGHT_BROWSERS_PATH=tmp_path, PLAYWRIGHT_NODEJS_PATH=node)
    assert text.splitlines()[1:] == [
        "That failed: Error: getaddrinfo ENOTFOUND.",
        "The browser tests will be skipped: there is no Chromium that starts; install it with:"
        " apt-get install chromium",
    ]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", None),
        ("echo 'E: no such package.' >&2; echo later >&2; exit 1", "E: no such package"),
        ("echo out; exit 3", "out"),
        ("exit 3", "it failed"),
    ],
)
def test_a_program_that_fails_says_why(script: str, reason: str | None) -> None:
    assert complaint(["/bin/sh", "-c", script]) == reason


def test_a_program_that_is_not_there_is_no_crash(tmp_path: Path) -> None:
    assert "No such file" in (complaint([str(tmp_path / "apt-get")]) or "")
