"""`deeplab job` over the API, if DEEPLAB_URL is set: the same verbs with the same answers."""

import json
from pathlib import Path

import pytest

from tests.worker.cli.conftest import Deeplab
from tests.worker.client.conftest import Served, served  # noqa: F401  (a fixture)
from worker.jobs import leases, storage
from worker.jobs.database import open_session


@pytest.fixture(autouse=True)
def elsewhere(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("DEEPLAB_URL", served.url)
    monkeypatch.setenv("DEEPLAB_TOKEN", served.token)
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "nothing here"))


def test_a_job_is_submitted_shown_changed_and_ended(deeplab: Deeplab, served: Served) -> None:  # noqa: F811
    submitted = deeplab("job", "submit", "train", "-c", served.dataset / "config.yaml", "--name", "First")
    assert submitted.stdout == "Job 1 is queued. To see its progress, run: deeplab job show 1\n"
    assert "No platform is running" not in submitted.stderr
    assert deeplab("job", "show", 1).output.startswith("Job 1: train, queued, submitted by otto\nName: First\n")
    assert [job["id"] for job in json.loads(deeplab("job", "list", "--json").output)] == [1]
    assert deeplab("job", "edit", 1, "--priority", 7).output.endswith("has the priority 7.\n")
    assert deeplab("job", "pause", 1).output == "Job 1 is on hold.\n"
    assert deeplab("job", "resume", 1).output == "Job 1 is queued and no longer on hold.\n"
    assert deeplab("job", "cancel", 1).output == "Job 1 is cancelled.\n"
    assert deeplab("job", "cancel", 1).stderr.startswith("Error: Job 1 was already cancelled")
    assert deeplab("job", "retry", 1).stdout.startswith("Job 2 is queued.")
    assert deeplab("job", "clone", 1, "--change", "seed=7").stdout.startswith("Job 3 is queued.")
    assert deeplab("job", "delete", 3).stderr.startswith("Error: Job 3 is queued; cancel it before you delete it.")


def test_options_are_named_in_errors(deeplab: Deeplab) -> None:
    ended = deeplab("job", "submit", "train", "-c", "/etc/passwd", "--set", "SOLVER.LR=1")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("Error: --config: /etc/passwd is outside")


def test_logs_come_part_by_part(deeplab: Deeplab, served: Served) -> None:  # noqa: F811
    deeplab("job", "submit", "train", "-c", served.dataset / "config.yaml")
    assert deeplab("job", "logs", 1).stderr.endswith("has no log, because it has not started.\n")
    with open_session(served.settings) as session:
        leases.claim(session, 1, "gpu@test", 60)
    log = storage.log_path(served.settings, 1, 1)
    log.parent.mkdir(parents=True)
    log.write_text("line ü\n" * 10_000)
    assert deeplab("job", "logs", 1).output == "line ü\n" * 10_000
    assert deeplab("job", "logs", 1, "--attempt", 9).exit_code == 1
