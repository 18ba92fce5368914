"""How a child learns that a companion of it died. Both are small scripts in processes of their own."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.processes import lives
from worker.execution.outcomes import STOPPED, Outcome, read_outcome, write_outcome
from worker.jobs import storage
from worker.jobs.catalog import FAILED
from worker.jobs.outcomes import CRASHED

CHILD = """
import signal, sys, time
from pathlib import Path

from deeplab.distributed import ProcessLostError
from deeplab.errors import DatasetError
from worker.execution import companion_processes
from worker.execution.outcomes import CompanionFailedError

companion_processes._GRACE_SECONDS = 0.5
folder = Path(sys.argv[1])
try:
    with companion_processes.companions(int(sys.argv[2]), [sys.executable, "-c", sys.argv[3]], folder):
        exec(sys.argv[4])
except CompanionFailedError as error:
    print("failure", error.outcome)
except Exception as error:
    print("error", repr(error))
else:
    print("end")
"""
pytestmark = pytest.mark.slow

LOST = "raise ProcessLostError"
FOREVER = "time.sleep(100)"


def run(folder: Path, companion: str, body: str, n: int = 2) -> subprocess.CompletedProcess[str]:
    """Run a child with its companions; what it prints says how its block ended."""
    arguments = [str(folder), str(n), "import os, signal, sys, time\nfrom pathlib import Path\n" + companion, body]
    command = [sys.executable, "-c", CHILD, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def note_pid(folder: Path) -> str:
    """A line of a companion that leaves its pid in a file."""
    return f"Path({str(folder)!r}, os.environ['RANK']).write_text(str(os.getpid()))\n"


def noted(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in sorted(folder.glob("[0-9]"))]


def test_each_process_knows_its_place_and_none_is_left(tmp_path: Path) -> None:
    body = "import os; print(os.environ['RANK'])\nwhile len(list(folder.glob('[0-9]'))) < 2: time.sleep(0.1)"
    ended = run(tmp_path, note_pid(tmp_path) + FOREVER, body, n=3)
    assert ended.stdout == "0\nend\n"
    assert [path.name for path in sorted(tmp_path.glob("[0-9]"))] == ["1", "2"]
    assert not any(psutil.pid_exists(pid) and lives(psutil.Process(pid)) for pid in noted(tmp_path))


def test_one_process_starts_no_other(tmp_path: Path) -> None:
    ended = run(tmp_path, note_pid(tmp_path), "import os; print(os.environ.get('RANK'))", n=1)
    assert ended.stdout == "None\nend\n"
    assert noted(tmp_path) == []


@pytest.mark.parametrize(
    ("companion", "outcome"),
    [
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            Outcome(CRASHED, error="Process 2 of 2 was killed by signal 9 (SIGKILL)."),
        ),
        ("sys.exit(3)", Outcome(CRASHED, error="Process 2 of 2 ended with exit status 3; the log says why.")),
        ("os.kill(os.getpid(), signal.SIGTERM)", Outcome(STOPPED)),
    ],
    ids=["killed", "failed", "stopped"],
)
def test_a_lost_connection_has_the_reason_of_the_companion(tmp_path: Path, companion: str, outcome: Outcome) -> None:
    assert run(tmp_path, companion, LOST).stdout == f"failure {outcome}\n"


def test_what_a_companion_says_is_the_reason(tmp_path: Path) -> None:
    outcome = Outcome(FAILED, error="Out of GPU memory.")
    write_outcome(storage.companion_outcome_in(tmp_path, 1), outcome)
    assert run(tmp_path, "sys.exit(1)", LOST).stdout == f"failure {outcome}\n"


def test_who_died_without_a_word_is_the_reason_of_what_the_others_say(tmp_path: Path) -> None:
    write_outcome(storage.companion_outcome_in(tmp_path, 1), Outcome(CRASHED, error="RuntimeError: NCCL error."))
    first = f"while not Path({str(tmp_path)!r}, '2').exists(): time.sleep(0.1)\nsys.exit(1)"
    second = note_pid(tmp_path) + "os.kill(os.getpid(), signal.SIGKILL)"
    run(tmp_path, f"exec({second!r} if os.environ['RANK'] == '2' else {first!r})", FOREVER, n=3)
    left = read_outcome(storage.outcome_in(tmp_path))
    assert left == Outcome(CRASHED, error="Process 3 of 3 was killed by signal 9 (SIGKILL).")


def test_the_child_s_own_errors_stay_its_own(tmp_path: Path) -> None:
    error = "raise DatasetError('a.png is torn.')"
    assert run(tmp_path, "sys.exit(1)", f"time.sleep(0.1)\n{error}").stdout == "error DatasetError('a.png is torn.')\n"
    assert run(tmp_path, FOREVER, "raise RuntimeError('boom')").stdout == "error RuntimeError('boom')\n"


def test_a_child_that_hangs_after_a_companion_died_is_ended_with_the_reason(tmp_path: Path) -> None:
    ended = run(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)", FOREVER)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert read_outcome(storage.outcome_in(tmp_path)) == Outcome(
        CRASHED, error="Process 2 of 2 was killed by signal 9 (SIGKILL)."
    )
