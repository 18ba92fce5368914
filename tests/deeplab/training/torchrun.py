"""Real processes in touch with each other, as users start them."""

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def torchrun(*command: str | Path, n: int = 2) -> list[str]:
    """The command line that runs a program in `n` processes."""
    options = ("--standalone", "--nproc-per-node", str(n), "--no-python")
    return [str(BIN / "torchrun"), *options, *map(str, command)]


def run_together(*command: str | Path, n: int = 2) -> subprocess.CompletedProcess[str]:
    """Run a program in `n` processes to its end."""
    return subprocess.run(
        torchrun(*command, n=n),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
