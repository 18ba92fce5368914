import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deeplab.processes import cpus_of_container, n_cpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")

# A parent that starts a child, tells its pid and waits.
_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
_SLEEP = "; print(flush=True); time.sleep(60)"


def start(child: str) -> tuple[subprocess.Popen[str], int]:
    """The parent process and the pid of its child, which has run `child`."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(child=child + _SLEEP)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def is_gone(pid: int) -> bool:
    """Whether the process has ended: an orphan may stay a zombie where nobody collects it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.parametrize("call", ["die_with_parent()", "start_pool_worker(0)"])
def test_a_child_dies_with_its_killed_parent(call: str) -> None:
    parent, child = start(f"import time, deeplab.processes as p; p.{call}")
    with parent:
        parent.kill()

    deadline = time.monotonic() + 10
    while not is_gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_gone(child)


def test_a_pool_worker_leaves_stop_signals_to_its_parent() -> None:
    parent, child = start("import time, deeplab.processes as p; p.start_pool_worker(0)")
    with parent:
        os.kill(child, signal.SIGINT)
        os.kill(child, signal.SIGTERM)
        time.sleep(0.2)
        survived = not is_gone(child)
        parent.kill()
    assert survived


def test_a_child_whose_parent_is_gone_already_exits() -> None:
    code = "import deeplab.processes as p; p.die_with_parent(parent_pid=1 << 30); print('alive')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
    ],
)
def test_a_container_s_share_of_the_processor_is_read(
    tmp_path: Path, files: dict[str, str], expected: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpus_of_container(tmp_path) == expected


@pytest.mark.parametrize(("given", "most"), [("1", 1), ("1,4", 1), ("999999", None), ("", None), ("many", None)])
def test_one_setting_decides_how_many_cores_are_kept_busy(
    monkeypatch: pytest.MonkeyPatch, given: str, most: int | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    usual = n_cpus()
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert n_cpus() == (most or usual)
