"""What another user of this machine sees, who may do less. Takes root, as CI is; elsewhere the tests are left out."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deeplab.errors import DeepLabError

NOBODY = 65534


@contextmanager
def folder_of_root(mode: int) -> Iterator[Path]:
    """A folder of root below one that everybody enters, unlike pytest's."""
    if os.geteuid() != 0:
        pytest.skip("takes root, who alone can become another user")
    with tempfile.TemporaryDirectory(prefix="deeplab-stranger-") as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "folder"
        folder.mkdir()
        folder.chmod(mode)
        yield folder


def as_nobody(question: Callable[[], str]) -> str:
    """What a function returns to a process of a user without rights."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def ask() -> None:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        there.send(question())

    process = context.Process(target=ask)
    process.start()
    process.join()
    assert process.exitcode == 0
    return str(here.recv())


def error_of(action: Callable[[], object]) -> str:
    """The sentence with which an action is refused."""
    with pytest.raises(DeepLabError) as caught:
        action()
    return str(caught.value)
