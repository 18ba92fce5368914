from pathlib import Path

import pytest

from worker.execution.memory import ADVICE, KillCounter, explain


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), f"Out of memory; {ADVICE}."),
        (RuntimeError("CUDA error: out of memory"), f"Out of GPU memory; {ADVICE}."),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), f"Out of GPU memory; {ADVICE}."),
        (RuntimeError("shapes do not match"), None),
        (ValueError("out of memory"), None),
    ],
)
def test_errors_that_tell_of_memory(error: Exception, sentence: str | None) -> None:
    assert explain(error) == sentence


def test_processes_that_the_system_ended_are_counted_from_the_beginning(tmp_path: Path) -> None:
    absent, events, machine = tmp_path / "absent", tmp_path / "memory.events", tmp_path / "vmstat"
    events.write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    machine.write_text("oom_kill 7\n")
    kills = KillCounter((absent, events, machine))
    assert not kills.has_risen()
    machine.write_text("oom_kill 8\n")  # of others: the nearer file counts
    assert not kills.has_risen()
    events.write_text("low 0\noom 4\noom_kill 3\noom_group_kill 0\n")
    assert kills.has_risen()


def test_a_system_that_does_not_count_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert not KillCounter((tmp_path / "absent",)).has_risen()
    assert not KillCounter().has_risen()
