"""What the child makes of the core's exceptions, and of its command line."""

import errno
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from sqlalchemy import update

from deeplab.errors import DatasetError, ImageError, OutputError, ProcessDiedError
from deeplab.inference.manifest import read_manifest
from deeplab.reporter import Stopped
from tests.worker.execution.kinds.store import Attempts
from tests.worker.store import FOREVER, submit_and_claim
from worker.execution.child import describe
from worker.execution.memory import ADVICE
from worker.execution.outcomes import STOPPED, Outcome, read_outcome, write_outcome
from worker.jobs import leases, storage
from worker.jobs.catalog import FAILED
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.jobs import Job
from worker.jobs.outcomes import CRASHED, OUT_OF_MEMORY, OUTAGE
from worker.jobs.roots import Roots
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Stopped(), Outcome(STOPPED)),
        (DatasetError("a.png: is torn."), Outcome(FAILED, error="a.png: is torn.")),
        (DatabaseError("The database is away."), Outcome(OUTAGE, error="The database is away.")),
        (RuntimeError("first line\n  second line"), Outcome(CRASHED, error="RuntimeError: first line second line")),
        (KeyError(), Outcome(CRASHED, error="KeyError")),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB"),
            Outcome(OUT_OF_MEMORY, error=f"Out of GPU memory; {ADVICE}, or use the CPU."),
        ),
        (MemoryError(), Outcome(OUT_OF_MEMORY, error=f"Out of memory; {ADVICE}.")),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
            Outcome(OUT_OF_MEMORY, error=f"Out of memory; {ADVICE}."),
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/out/a.png"),
            Outcome(OUTAGE, error="OSError: [Errno 28] No space left on device: '/out/a.png'"),
        ),
        (
            _caused(OutputError("a.png: is not written."), OSError(errno.EDQUOT, "Quota")),
            Outcome(OUTAGE, error="a.png: is not written."),
        ),
        (
            _caused(ImageError("a.png: is not read."), OSError(errno.EIO, "I/O")),
            Outcome(OUTAGE, error="a.png: is not read."),
        ),
        (OutputError("a.png: is a folder."), Outcome(FAILED, error="a.png: is a folder.")),
        (ProcessDiedError("A reader was killed."), Outcome(CRASHED, error="A reader was killed.")),
    ],
)
def test_exceptions_become_outcomes(error: Exception, outcome: Outcome) -> None:
    assert describe(error) == outcome


def test_an_outcome_survives_its_file(sqlite_store: Settings) -> None:
    path = storage.outcome_in(storage.attempt_dir(sqlite_store, 1, 1))
    assert read_outcome(path) is None
    outcome = Outcome("succeeded", result={"n": 1})
    write_outcome(path, outcome)
    assert read_outcome(path) == outcome


def run_child(settings: Settings, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "worker.execution.child", *(str(argument) for argument in arguments)]
    return subprocess.run(command, env=settings.environment(), capture_output=True, text=True, check=False, timeout=60)


def test_a_child_of_an_old_attempt_leaves_nothing_behind(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        old = submit_and_claim(session, sqlite_store)
        leases.release(session, sqlite_store, old.id, old.fence, "crashed")
        leases.claim(session, old.id, "b", FOREVER)
    done = run_child(sqlite_store, old.id, old.fence)
    assert done.returncode == 0, done.stderr
    assert not storage.job_dir(sqlite_store, old.id).exists()


def test_a_child_whose_parent_has_died_meanwhile_ends(sqlite_store: Settings) -> None:
    assert run_child(sqlite_store, 1, 1, "--parent", 1).returncode == 1


def confine(settings: Settings, job: Job, *folders: Path) -> None:
    """Make of a job one that was submitted over HTTP, under these data roots."""
    roots = [str(folder.resolve()) for folder in folders]
    with open_session(settings) as session:
        session.execute(update(JobRow).where(JobRow.id == job.id).values(roots=asdict(Roots(roots, roots))))


@pytest.mark.parametrize("field", ["input", "output", "checkpoint"])
def test_a_path_that_leads_elsewhere_by_now_ends_the_job(sqlite_store: Settings, tmp_path: Path, field: str) -> None:
    attempts = Attempts(sqlite_store, tmp_path / "data")
    (tmp_path / "data" / "out").mkdir()
    job = attempts.submit_segment(output=str(tmp_path / "data" / "out"))
    confine(sqlite_store, job, tmp_path / "data")
    named = Path(job.spec[field])
    named.rename(tmp_path / "elsewhere")
    named.symlink_to(tmp_path / "elsewhere")
    attempt = attempts.claim(job)
    done = run_child(sqlite_store, job.id, attempt.job.fence)
    assert done.returncode == 0, done.stderr
    sentence = f"{field}: {named} leads elsewhere than when the job was submitted; submit it again."
    assert read_outcome(storage.outcome_in(attempt.folder)) == Outcome(FAILED, error=sentence)


@pytest.mark.slow
def test_items_that_lead_out_of_the_roots_are_rows_with_an_error(sqlite_store: Settings, tmp_path: Path) -> None:
    attempts = Attempts(sqlite_store, tmp_path / "data")
    images = attempts.root / "images"
    (images / "0.png").rename(tmp_path / "private.png")
    (images / "leak.png").symlink_to(tmp_path / "private.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "deep.png").symlink_to(tmp_path / "private.png")
    (images / "linked").symlink_to(tmp_path / "folder")
    job = attempts.submit_segment()
    confine(sqlite_store, job, tmp_path / "data")
    attempt = attempts.claim(job)
    done = run_child(sqlite_store, job.id, attempt.job.fence)
    outcome = read_outcome(storage.outcome_in(attempt.folder))
    assert outcome is not None, done.stderr
    assert (outcome.state, (outcome.result or {}).get("n_error")) == ("succeeded", 2)
    rows = read_manifest(storage.output_dir(sqlite_store, job.id) / "manifest.csv")
    assert [row.path for row in rows if row.status == "error"] == ["leak.png", "linked/deep.png"]
    assert all("leads out of the folders" in row.error for row in rows if row.status == "error")
