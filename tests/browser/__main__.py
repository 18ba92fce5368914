"""Makes sure that there is a browser for the browser tests, or says why they will be skipped.

`make test` runs it as `python -m tests.browser`. It never fails: a machine without a browser runs the other tests.
"""

import os
import shutil
import subprocess
import sys

import click

from tests.browser.chromium import find_chromium

_LIMIT_SECONDS = 600


def main() -> None:
    """Find a browser, or try to install one."""
    reason = "no way to install one is known"
    for command in ([], *_ways_to_install()):
        if command:
            click.echo(f"Installing Chromium for the browser tests: {' '.join(command)} ...")
            reason = _run(command) or "it was installed, but cannot be found"
        if browser := find_chromium():
            click.echo(f"The browser tests use {browser}.")
            return
    click.echo(f"The browser tests will be skipped, because there is no Chromium here: {reason}.")


def _ways_to_install() -> list[list[str]]:
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    apt_get = shutil.which("apt-get")
    if apt_get and os.geteuid() == 0:
        install = f"{apt_get} -qq update; DEBIAN_FRONTEND=noninteractive {apt_get} -qq install --yes chromium"
        ways.insert(0, ["/bin/sh", "-c", install])
    return ways


def _run(command: list[str]) -> str | None:
    """Run an installer quietly; why it failed, if it did, as it said itself."""
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if run.returncode == 0:
        return None
    lines = [line.strip() for line in (run.stderr or run.stdout).splitlines() if line.strip()] or ["it failed"]
    errors = [line for line in lines if line.startswith(("E:", "Error"))]
    return (errors or lines)[-1].rstrip(".")


if __name__ == "__main__":
    main()
