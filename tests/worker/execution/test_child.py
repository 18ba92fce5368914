"""What the child makes of the core's exceptions, and of its command line."""

import subprocess
import sys

import pytest
import torch

from deeplab.errors import DatasetError
from deeplab.reporter import Stopped
from tests.worker.store import FOREVER, submit_and_claim
from worker.execution.child import describe
from worker.execution.outcomes import CRASHED, STOPPED, Outcome, read_outcome, write_outcome
from worker.jobs import leases, storage
from worker.jobs.catalog import FAILED
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.settings import Settings


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Stopped(), Outcome(STOPPED)),
        (DatasetError("a.png: is torn."), Outcome(FAILED, error="a.png: is torn.")),
        (DatabaseError("The database is away."), Outcome(CRASHED, error="The database is away.")),
        (RuntimeError("first line\n  second line"), Outcome(CRASHED, error="RuntimeError: first line second line")),
        (KeyError(), Outcome(CRASHED, error="KeyError")),
        (
            torch.OutOfMemoryError("Tried to allocate 3 GiB"),
            Outcome(
                FAILED,
                error="Out of GPU memory; lower the batch size or the image size, or use the CPU.",
            ),
        ),
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
        leases.release(session, old.id, old.fence, "crashed")
        leases.claim(session, old.id, "b", FOREVER)
    done = run_child(sqlite_store, old.id, old.fence)
    assert done.returncode == 0, done.stderr
    assert not storage.job_dir(sqlite_store, old.id).exists()


def test_a_child_whose_parent_has_died_meanwhile_ends(sqlite_store: Settings) -> None:
    assert run_child(sqlite_store, 1, 1, "--parent", 1).returncode == 1
