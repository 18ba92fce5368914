"""Real processes in touch with each other, as users start them."""

import os
import subprocess
import sys
from pathlib import Path

from deeplab.distributed import open_meeting

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


def run_unsupervised(*command: str | Path, n: int = 2) -> list[subprocess.CompletedProcess[str]]:
    """Run a program in `n` processes as torchrun does, but let each go on when another fails; by rank."""
    _meeting, world = open_meeting(n)
    processes = [
        subprocess.Popen(
            [*map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | world | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(n)
    ]
    try:
        outputs = [process.communicate(timeout=140) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [
        subprocess.CompletedProcess(process.args, process.returncode, *output)
        for process, output in zip(processes, outputs, strict=True)
    ]
