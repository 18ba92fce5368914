import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from worker.platform.process import ManagedProcess, ProcessSpec, ProcessStartError

Start = Callable[..., ManagedProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[ManagedProcess] = []

    def start_process(code: str, **attributes: Any) -> ManagedProcess:
        command = [sys.executable, "-c", code]
        spec = ProcessSpec("test helper", command, tmp_path / "process.log", dict(os.environ), **attributes)
        started.append(ManagedProcess(spec))
        return started[-1]

    yield start_process
    for process in started:
        process.kill()


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_waits_until_it_is_ready(start: Start, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"import pathlib, time; time.sleep(0.2); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    start(code, is_ready=ready.exists).wait_until_ready()
    assert ready.exists()


def test_end_instead_of_readiness_is_told_with_its_exception(start: Start) -> None:
    process = start("print('starting'); raise ValueError('no such colour')", is_ready=lambda: False)
    with pytest.raises(
        ProcessStartError, match=r"The test helper did not start: ValueError: no such colour; its log is .*process\.log"
    ):
        process.wait_until_ready()


def test_silence_is_told(start: Start) -> None:
    process = start("import time; time.sleep(60)", is_ready=lambda: False, start_seconds=0.2)
    with pytest.raises(ProcessStartError, match="The test helper did not answer within 0 s; its log is"):
        process.wait_until_ready()


def test_program_that_does_not_exist_is_told(tmp_path: Path) -> None:
    spec = ProcessSpec("broker", ["no-such-program"], tmp_path / "log", dict(os.environ), is_ready=lambda: False)
    process = ManagedProcess(spec)
    with pytest.raises(ProcessStartError, match="FileNotFoundError"):
        process.wait_until_ready()


def test_dead_process_is_started_again_with_growing_pauses(start: Start) -> None:
    process = start("raise SystemExit('out of paper')")
    sentences: list[str] = []
    until = time.monotonic() + 20
    while len(sentences) < 2:
        assert time.monotonic() < until
        if sentence := process.restart_if_dead():
            sentences.append(sentence)
        time.sleep(0.01)
    assert "The test helper ended (out of paper; its log is" in sentences[0]
    assert sentences[0].endswith("is started again in 1 s.")
    assert sentences[1].endswith("is started again in 2 s.")


def test_killed_process_is_told_by_its_signal(start: Start) -> None:
    process = start("import time; time.sleep(60)")
    psutil.Process(process.pid).kill()
    wait_for(lambda: not process.is_running)
    assert "killed by SIGKILL" in (process.restart_if_dead() or "")


def test_log_of_an_earlier_run_does_not_say_why_this_one_ended(start: Start, tmp_path: Path) -> None:
    (tmp_path / "process.log").write_text("ValueError: long ago\n")
    process = start("raise SystemExit(3)")
    wait_for(lambda: not process.is_running)
    assert process.describe_end().startswith("exit code 3; ")


def test_kill_reaches_what_the_process_started(start: Start, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import pathlib, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid)); time.sleep(60)"
    )
    process = start(code)
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    child = psutil.Process(int(pid_file.read_text()))
    process.ask_to_stop()
    process.wait(0.1)
    assert process.is_running  # it ignores SIGTERM
    process.kill()
    assert not process.is_running
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_large_log_is_set_aside(start: Start, tmp_path: Path) -> None:
    (tmp_path / "process.log").write_bytes(b"x" * 10_000_001)
    process = start("print('new')")
    wait_for(lambda: not process.is_running)
    assert (tmp_path / "process.log").read_text() == "new\n"
    assert (tmp_path / "process.log.1").stat().st_size == 10_000_001
