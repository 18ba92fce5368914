from dataclasses import replace

import pytest

from worker.cli.job.progress import JobProgress
from worker.jobs.jobs import Job

_QUEUED = Job(
    id=7,
    kind="segment",
    state="queued",
    queue="gpu",
    name="",
    experiment=None,
    user=None,
    notes="",
    model="",
    dataset=None,
    dataset_version=None,
    checkpoint=None,
    alias=None,
    evaluate_job=None,
    is_retry=False,
    spec={},
    gpus=1,
    priority=0,
    awaits_others=False,
    held_at=None,
    config={},
    parent_id=None,
    fence=0,
    attempts=0,
    max_attempts=3,
    outages=0,
    lost_leases=0,
    preemptions=0,
    reached=0,
    not_before=None,
    quiet_since=None,
    owner=None,
    cancel_requested=False,
    done=0,
    total=0,
    unit="",
    eta_seconds=None,
    result=None,
    error=None,
    best_checkpoint=None,
    created_at=0,
    started_at=None,
    finished_at=None,
)
_RUNNING = replace(_QUEUED, state="running", done=40, total=101, unit="image", eta_seconds=125.0)
_ENDED = replace(_RUNNING, state="succeeded", done=101)


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with JobProgress() as progress:
        for job in (_QUEUED, _QUEUED, _RUNNING, _RUNNING, _ENDED):
            progress.show(job)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [  # a line when the state changes, and one every ten seconds
        "Job 7 (segment) queued",
        "Job 7 (segment) running, 40 of 101 images, 2 min 5 s left",
        "Job 7 (segment) succeeded, 101 of 101 images",
    ]


def test_bar_with_an_estimate_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TTY_COMPATIBLE": "1", "COLUMNS": "120", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    with JobProgress() as progress:
        progress.show(_RUNNING)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Job 7 (segment) running" in printed.err
    assert "40/101" in printed.err
    assert "2 min 5 s left" in printed.err
