"""Children that are forked from a process that has loaded much, and have nothing of it but what it has loaded."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deeplab.files import read_tail
from deeplab.processes import adopting_orphans
from tests.paths import ROOT
from tests.processes import lives, wait_until
from tests.worker.execution.bench import starter_of
from worker.execution.child_process import ChildProcess
from worker.execution.starting import fork_server
from worker.execution.starting.forking import AdoptedProcess
from worker.execution.starting.starter import Starter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are forked on Linux alone")

# What a process has of those that it came from.
STATE = """
import gc, json, os, resource, signal, sys, threading
from pathlib import Path

status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
state = {
    "descriptors": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in list(map(int, os.listdir("/proc/self/fd")))
                          if os.path.exists(f"/proc/self/fd/{fd}")),
    "locks": [words for words in locks if str(os.getpid()) in words],
    "threads": [len(os.listdir("/proc/self/task")), threading.active_count(), threading.current_thread().name],
    "signals": {name: status[name].strip() for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd")},
    "handlers": {number.name: str(signal.getsignal(number)).split(" at ")[0] for number in signal.Signals},
    "alarms": [signal.getitimer(which) for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
    "limits": [resource.getrlimit(which) for which in range(16)],
    "scheduling": [os.nice(0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))],
    "place": [os.getcwd(), os.umask(0o77), os.getuid(), os.geteuid(), os.getgroups()],
    "leads its session": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "parent": os.getppid(),
    "command": [word for word in Path("/proc/self/cmdline").read_text().split("\\0") if word],
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "collects garbage": gc.isenabled(),
}
print(json.dumps(state))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Starter]]:
    """Make a starter of children that run a script."""
    starters: list[Starter] = []

    def make(script: str, *modules: str, forks: bool = True) -> Starter:
        path = tmp_path / f"script{len(starters)}.py"
        path.write_text(script)
        starters.append(starter_of(path, *modules, forks=forks))
        return starters[-1]

    yield make
    for each in starters:
        each.stop()


def run(starter: Starter, folder: Path, *arguments: str, **variables: str) -> str:
    """What a child prints that is forked from the server, if there is one."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    child = starter.start(arguments, os.environ | variables, log)
    assert child.wait(60) == 0, read_tail(log)
    child.kill()
    return read_tail(log)


def server_of(starter: Starter) -> psutil.Process:
    assert starter._server is not None
    return psutil.Process(starter._server.pid)


@pytest.mark.slow
def test_a_child_has_nothing_of_the_server_but_what_that_has_loaded(
    start: Callable[..., Starter], tmp_path: Path
) -> None:
    """All that jobs need is loaded; yet everything that can be seen is as of a fresh interpreter."""
    loaded = start(STATE, *fork_server._NEEDED)
    forked: dict[str, Any] = json.loads(run(loaded, tmp_path, "1", "2", PART="7"))
    fresh: dict[str, Any] = json.loads(run(start(STATE, forks=False), tmp_path, "1", "2", PART="7"))
    fresh["command"][2] = forked["command"][2]  # scripts of different names
    # Debian's libffi holds itself open once something calls back from C, as what the server has loaded does.
    forked["descriptors"] = [each for each in forked["descriptors"] if "/libffi.so" not in each]
    assert forked == fresh
    assert forked["descriptors"][-2:] == [str(tmp_path / "log")] * 2
    assert forked["parent"] == os.getpid()
    # What libraries made of the environment when they were loaded is made anew, and so are random numbers.
    (tmp_path / "script0.py").write_text("import numpy, torch; print(torch.get_num_threads(), numpy.random.rand())")
    printed = [run(loaded, tmp_path, OMP_NUM_THREADS=n).split() for n in ("1", "3", "3")]
    assert [n for n, _ in printed] == ["1", "3", "3"]
    assert len({draw for _, draw in printed}) == 3
    assert lives(server_of(loaded))


def test_a_child_outlives_its_server_and_the_next_gets_another_one(
    start: Callable[..., Starter], tmp_path: Path
) -> None:
    starter = start("import sys; sys.stdin.read(); import time; time.sleep(0.5)")
    child = starter.start([], os.environ, tmp_path / "log")
    server = server_of(starter)
    server.kill()
    wait_until(lambda: not lives(server), 10)
    assert child.wait(10) == 0
    assert starter.start([], os.environ, tmp_path / "log").wait(10) == 0  # a fresh interpreter
    assert starter._server is None
    assert starter.start([], os.environ, tmp_path / "log").wait(10) == 0
    assert server_of(starter) != server


@pytest.mark.parametrize(
    "module", ["import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "1 / 0"]
)
def test_a_server_that_must_not_fork_is_not_asked_again(
    start: Callable[..., Starter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """One whose modules have started threads, or cannot be loaded."""
    (tmp_path / "unfit.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    starter = start("print('ran')", "unfit")
    for _ in range(2):
        assert run(starter, tmp_path) == "ran\n"
        assert starter._server is None


def test_children_run_the_code_of_today(
    start: Callable[..., Starter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    module = tmp_path / "upgraded.py"
    module.write_text("version = 1")
    starter = start("import upgraded; print(upgraded.version)", "upgraded")
    assert run(starter, tmp_path) == "1\n"
    server = server_of(starter)
    module.write_text("version = 22")
    assert run(starter, tmp_path) == "22\n"
    assert server_of(starter) == server


def test_a_child_that_nobody_waits_for_does_nothing(start: Callable[..., Starter], tmp_path: Path) -> None:
    starter = start(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert starter._server is not None
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "log").open("wb") as log, adopting_orphans():
        starter._server._send(theirs, log)
        theirs.close()
        child = AdoptedProcess(int(ours.recv(32)))
    assert child.wait(10) == 0
    assert not (tmp_path / "ran").exists()


def test_a_service_manager_s_sigterm_is_for_the_child_alone(start: Callable[..., Starter], tmp_path: Path) -> None:
    starter = start("import time; time.sleep(60)")
    child = starter.start([], os.environ, tmp_path / "log")
    wait_until(lambda: "script0.py" in psutil.Process(child.pid).cmdline()[2], 10)
    for pid in (server_of(starter).pid, child.pid):
        os.kill(pid, signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM
    assert lives(server_of(starter))


def test_the_kernel_ends_server_and_child_with_the_supervisor(tmp_path: Path) -> None:
    """The supervisor is a process of its own here, which is killed."""
    (tmp_path / "script.py").write_text("import time; time.sleep(60)")
    program = (
        "import os, sys, time; from pathlib import Path; from tests.worker.execution.bench import starter_of\n"
        "starter = starter_of(Path('script.py'))\n"
        "child = starter.start([], os.environ, Path('log'))\n"
        "print(child.pid, starter._server.pid, flush=True); time.sleep(60)"
    )
    supervisor = psutil.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=-1
    )
    family = [psutil.Process(int(pid)) for pid in supervisor.stdout.readline().split()]
    assert len(family) == 2
    supervisor.kill()
    supervisor.communicate()
    wait_until(lambda: not any(map(lives, family)), 10)


def test_children_are_waited_for(start: Callable[..., Starter], tmp_path: Path) -> None:
    child: ChildProcess = start("import time; time.sleep(0.3); raise SystemExit(7)").start(
        [], os.environ, tmp_path / "log"
    )
    assert child.wait(0) is None
    assert child.wait(10) == 7
    child.kill()


@pytest.mark.gpu
def test_forked_children_compute_on_the_gpu_that_is_theirs(start: Callable[..., Starter], tmp_path: Path) -> None:
    script = "import torch; print(torch.cuda.is_available() and int(torch.ones(2, device='cuda').sum()))"
    starter = start(script, *fork_server._NEEDED)
    assert [run(starter, tmp_path, CUDA_VISIBLE_DEVICES=each) for each in ("0", "", "0")] == ["2\n", "False\n", "2\n"]
