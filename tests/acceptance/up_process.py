"""`deeplab` as processes: an `up` that runs in the background, and commands that end by themselves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.processes import lives, wait_until
from worker.platform import web_server

DEEPLAB = [sys.executable, "-P", "-m", "worker.cli"]


class Up:
    """A running `deeplab up`."""

    def __init__(self, home: Path, *options: str) -> None:
        self.port = web_server.free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.output = home.parent / "output.txt"
        command = [*DEEPLAB, "up", "--home", str(home), "--port", str(self.port), *options]
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)

    def said(self, words: str) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return words in self.output.read_text()

    def ask(self, path: str) -> httpx.Response:
        """Ask for an address with the token of the home."""
        token = (self.home / "token").read_text()
        return httpx.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def process_with(self, words: str) -> psutil.Process:
        """The direct child whose command line has these words."""
        living = [each for each in psutil.Process(self.process.pid).children() if lives(each)]
        (found,) = (each for each in living if words in " ".join(each.cmdline()))
        return found


@contextmanager
def running_up(home: Path, *options: str) -> Iterator[Up]:
    """An `up` that has greeted; if the test does not end it, it is killed, and the kernel ends the rest."""
    up = Up(home, *options)
    try:
        wait_until(lambda: up.said("Ctrl-C stop"), 60)
        yield up
    finally:
        up.process.kill()
        up.process.wait()


def run_deeplab(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [*DEEPLAB, *(str(argument) for argument in arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, env=os.environ | environment
    )
