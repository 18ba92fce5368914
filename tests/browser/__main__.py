"""Makes sure that the browser tests can run, or says why they will be skipped.

`make test` runs it as `python -m tests.browser`. It never fails: a machine without a browser runs the other tests.
"""

import os
import shutil
import sys
from collections.abc import Iterator

import click

from tests.browser.chromium import complaint, find_chromium, find_missing, sentence

_LIMIT_SECONDS = 600


def main() -> None:
    """Find a browser, or try to install one."""
    missing = find_missing()
    for command in _ways_to_install(missing):
        click.echo(f"Installing what the browser tests need: {' '.join(command)} ...")
        if reason := complaint(command, _LIMIT_SECONDS):
            click.echo(f"That failed: {reason}.")
        missing = find_missing()
        if not missing:
            break
    if missing:
        click.echo(f"The browser tests will be skipped: {sentence(missing)}")
    else:
        click.echo(f"The browser tests use {find_chromium()}.")


def _ways_to_install(missing: dict[str, str]) -> Iterator[list[str]]:
    apt_get = shutil.which("apt-get")
    if missing and apt_get and os.geteuid() == 0:
        install = f"DEBIAN_FRONTEND=noninteractive {apt_get} -qq install --yes {' '.join(missing)}"
        yield ["/bin/sh", "-c", f"{apt_get} -qq update; {install}"]
    if missing.keys() == {"chromium"}:
        yield [sys.executable, "-m", "playwright", "install", "chromium"]


if __name__ == "__main__":
    main()
