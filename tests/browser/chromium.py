"""Which browser the browser tests drive: one that is installed, else Playwright's own."""

import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def find_chromium() -> Path | None:
    """The program to start; None if there is none on this machine."""
    for name in _NAMES:
        found = shutil.which(name)
        if found and _starts(found):
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.is_file() else None


def _starts(program: str) -> bool:
    """Whether it is a browser, and not a script that says how to install one (as on Ubuntu)."""
    run = subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False)
    return run.returncode == 0
