"""`python -m worker.execution.starting.fork_server`: a process that has PyTorch loaded, from which children are forked.

It never touches CUDA, computes nothing, holds no connection or lock, and has a single thread: so a child inherits
nothing that is another's, or that nobody would ever unlock. A child is forked twice: the process in between ends at
once, and the kernel gives the child to the supervisor, as if the supervisor had started it itself. From then on this
process has no part in it.
"""

import argparse
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NoReturn

from deeplab.processes import die_with_parent, n_threads, show_command

Run = Callable[[list[str]], object]

CHILD = "worker.execution.child"
_KINDS = "worker.execution.kinds"
_NEEDED = (CHILD, *(each.name for each in iter_modules([str(Path(__file__).parents[1] / "kinds")], f"{_KINDS}.")))
_KERNELS = "deeplab.densecrf.cpu.kernels"
# What only some jobs need, one after the other, as a child that is asked for meanwhile waits for the present one:
# kernels that were never compiled take seconds.
_SPARE = ("numba", f"{_KERNELS}.probability", f"{_KERNELS}.permutohedral", "deeplab.densecrf.cpu.engine")
_PAUSE_SECONDS = 3.0  # while which a platform that starts has better things to do


class ThreadsError(RuntimeError):
    """What was loaded has started threads, whose locks a child would inherit."""


def main() -> None:
    """Load what children need, and fork one whenever the supervisor asks for it."""
    parser = argparse.ArgumentParser(prog="worker.execution.starting.fork_server")
    parser.add_argument("link", type=int, help="Descriptor of the socket to the supervisor.")
    parser.add_argument("parent", type=int, help="Process id of the supervisor.")
    parser.add_argument("room", nargs="*", help="Anything: children show their own commands in its place.")
    arguments = parser.parse_args()
    die_with_parent(arguments.parent)
    serve(socket.socket(fileno=arguments.link), arguments.parent, run_child, needed=_NEEDED, spare=_SPARE)


def run_child(arguments: list[str]) -> None:
    """Do what `python -m worker.execution.child` does."""
    from worker.execution import child

    child.main(arguments)


def serve(
    link: socket.socket, supervisor: int, run: Run, *, needed: Sequence[str] = (), spare: Sequence[str] = ()
) -> NoReturn:
    """Fork a child for each byte that comes with two descriptors: a socket for its order, and its log.

    Args:
        link: from the supervisor; when it is closed, this process ends.
        supervisor: its process id.
        run: what a child does with its arguments.
        needed: modules to load before the first child, at the latest when it is asked for.
        spare: modules to load while no child is asked for.

    Raises:
        ThreadsError: if a module has started threads.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # it is for children, who checkpoint; they unblock it
    _is_asked(link, _PAUSE_SECONDS)
    loaded = _Loaded(needed)
    left = list(spare)
    while True:
        if left and not _is_asked(link, 0):
            loaded.add(left.pop(0))
            continue
        _is_asked(link, None)
        if loaded.is_outdated():
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  (itself, with the new code)
        _fork(link, supervisor, run)


class _Loaded:
    """Modules, and how their files were when they were loaded."""

    def __init__(self, names: Sequence[str]) -> None:
        self._modified: dict[str, float] = {}
        self.add(*names)

    def add(self, *names: str) -> None:
        """Load modules with all that they import."""
        gc.disable()  # until a child enables it: what it would visit here, children would have to copy
        for name in names:
            import_module(name)
        gc.collect()
        gc.freeze()
        if (n := n_threads()) != 1:
            raise ThreadsError(f"Loading {', '.join(names)} has left {n} threads; expected one.")
        files = {file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
        self._modified |= {file: _modified(file) for file in files - self._modified.keys()}

    def is_outdated(self) -> bool:
        """Whether a file has changed since, as when the package is upgraded."""
        return any(_modified(file) != then for file, then in self._modified.items())


def _modified(file: str) -> float:
    try:
        return Path(file).stat().st_mtime
    except OSError:
        return 0.0


def _is_asked(link: socket.socket, seconds: float | None) -> bool:
    """Wait at most so many seconds for the supervisor, or for ever, and tell whether it has sent something."""
    readable, _, _ = select.select([link], [], [], seconds)
    return bool(readable)


def _fork(link: socket.socket, supervisor: int, run: Run) -> None:
    message, descriptors, _, _ = socket.recv_fds(link, 1, 2)
    if not message:  # the supervisor has closed it
        os._exit(0)
    order_fd, log = descriptors
    with socket.socket(fileno=order_fd) as order:
        try:
            between = os.fork()
            if between == 0:
                _fork_again(link, order, log, supervisor, run)
        except OSError as error:
            _refuse(order, error)
        else:
            os.waitpid(between, 0)
    os.close(log)


def _fork_again(link: socket.socket, order: socket.socket, log: int, supervisor: int, run: Run) -> NoReturn:
    """Fork the child and end, which makes it the supervisor's."""
    between = os.getpid()
    try:
        if os.fork() == 0:
            link.close()
            _become_child(between, order, log, supervisor, run)
    except OSError as error:
        _refuse(order, error)
    os._exit(0)


def _refuse(order: socket.socket, error: OSError) -> None:
    """Tell the supervisor, in place of the child's pid, why there is none."""
    order.sendall(str(-(error.errno or 1)).encode())


def _become_child(between: int, order: socket.socket, log: int, supervisor: int, run: Run) -> NoReturn:
    """Become what a fresh interpreter would be by now, do what is ordered, and end."""
    status = 1
    try:
        while os.getppid() == between:
            time.sleep(0.0005)
        die_with_parent(supervisor)
        os.setsid()
        order.sendall(str(os.getpid()).encode())
        with order, order.makefile("rb") as file:
            text = file.read()
        if not text:  # the supervisor did not wait for it
            os._exit(0)
        status = _obey(json.loads(text), log, run)
    except BaseException:  # the supervisor hears of a child that has crashed
        traceback.print_exc()
    finally:
        os._exit(status)


def _obey(order: dict[str, object], log: int, run: Run) -> int:
    """Do what is ordered, with the log as output; return the exit status."""
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    command, arguments, environment = order["command"], order["arguments"], order["environment"]
    assert isinstance(command, list)  # noqa: S101
    assert isinstance(arguments, list)  # noqa: S101
    assert isinstance(environment, dict)  # noqa: S101
    show_command([*command, *arguments])
    sys.argv[1:] = arguments
    _take_environment(environment)
    gc.enable()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        run(arguments)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _take_environment(environment: dict[str, str]) -> None:
    """Take an environment over, with what libraries made of it when they were loaded."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ.clear()
    os.environ.update(environment)
    threads = environment.get("OMP_NUM_THREADS")
    if threads != before and threads and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(threads))
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all children would draw the same numbers


if __name__ == "__main__":
    main()
