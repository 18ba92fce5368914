"""The monitor of an attempt, on a real child."""

import os
import subprocess
import sys
import time

from tests.processes import wait_until
from tests.worker.execution.bench import Bench
from worker.execution.resource_monitor import ProcessTree, ResourceMonitor
from worker.jobs.database import open_session
from worker.jobs.records import metrics

BUSY = "import subprocess, sys, time\nheld = bytearray(50_000_000)\nwhile True: pass"


def recorded(bench: Bench) -> metrics.Series:
    with open_session(bench.settings, reads_only=True) as session:
        return metrics.list_metrics(session, bench.job.id, ["resource/cpu", "resource/memory"])


def test_cores_and_memory_of_all_processes_are_measured() -> None:
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])"
    child = subprocess.Popen([sys.executable, "-c", nested], start_new_session=True)
    try:
        tree = ProcessTree(child.pid)
        wait_until(lambda: tree.read()["memory"] > 50_000_000, 20)
        time.sleep(0.5)
        use = tree.read()
        assert 0 < use["cpu"] <= (os.cpu_count() or 1)
    finally:
        os.killpg(child.pid, 9)
        child.wait()
    assert tree.read()["memory"] == 0


def test_the_use_of_an_attempt_is_recorded_until_it_is_not_ours_any_more(bench: Bench) -> None:
    with bench.running("sleep(); (folder / 'ready').touch(); time.sleep(60)"):
        wait_until(lambda: bool(recorded(bench)), 20)
        bench.cancel()
    use = recorded(bench)
    assert set(use) == {"resource/cpu", "resource/memory"}
    assert use["resource/memory"][0][1] > 1_000_000
    with open_session(bench.settings, reads_only=True) as session:
        assert metrics.list_metrics(session, bench.job.id) == {}  # it is no metric of a training
    with ResourceMonitor(bench.settings, bench.job, {}, os.getpid()) as monitor:
        wait_until(lambda: not monitor.is_running, 20)  # the job has ended
    assert recorded(bench) == use
