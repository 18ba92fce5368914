"""Which browser the browser tests drive: one that is installed, else Playwright's own; and what is missing for them.

Playwright itself is not started for that: its Node.js may lack a library.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OWN = ("chrome-linux*/chrome", "chrome-mac*/*.app/Contents/MacOS/*")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def find_chromium() -> Path | None:
    """The program to start; None if there is none on this machine."""
    installed = (Path(found) for name in _NAMES if (found := shutil.which(name)))
    for program in (*installed, *_own_programs()):
        # It may be a script that says how to install a browser (as on Ubuntu), or lack its libraries.
        if complaint([str(program), "--version"]) is None:
            return program
    return None


def find_missing() -> dict[str, str]:
    """What keeps the browser tests from running here, by the package of Debian that mends it."""
    missing = {}
    if find_chromium() is None:
        missing["chromium"] = "there is no Chromium that starts"
    if reason := complaint([sys.executable, "-m", "playwright", "--version"]):
        missing["libatomic1"] = f"Playwright does not start ({reason.rpartition('/')[2]})"
    return missing


def sentence(missing: dict[str, str]) -> str:
    """What is missing, and how to install it, in a line."""
    return f"{', and '.join(missing.values())}; install it with: apt-get install {' '.join(missing)}"


def complaint(command: list[str], limit_seconds: float = 60) -> str | None:
    """Run a program; why it failed, if it did, as it said itself."""
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if run.returncode == 0:
        return None
    lines = [line.strip() for line in (run.stderr or run.stdout).splitlines() if line.strip()] or ["it failed"]
    errors = [line for line in lines if line.startswith(("E:", "Error"))]
    return (errors or lines)[-1].rstrip(".")


def _own_programs() -> Iterator[Path]:
    """The browsers that Playwright downloaded, the newest first."""
    caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or caches / "ms-playwright")
    revisions = {int(path.name[9:]): path for path in folder.glob("chromium-*") if re.fullmatch(r"\d+", path.name[9:])}
    for _, revision in sorted(revisions.items(), reverse=True):
        for pattern in _OWN:
            yield from revision.glob(pattern)
