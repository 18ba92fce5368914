"""The companions of a child: the other processes of a training on several GPUs, each with a GPU of its own.

The child is the first of these processes. It alone reports and is watched by the supervisor: when it stops, all agree
to stop, and when it dies, the kernel kills the companions with it. So it is left to the child to notice when a
companion dies.
"""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGTERM, Signals

from deeplab.distributed import ProcessLostError, open_meeting
from deeplab.errors import DeepLabError
from deeplab.reporter import Stopped
from worker.execution.outcomes import STOPPED, CompanionFailedError, Outcome, read_outcome, write_outcome
from worker.jobs import storage
from worker.jobs.outcomes import CRASHED

_Processes = Sequence[subprocess.Popen[bytes]]

_LOOK_SECONDS = 0.25  # between two looks at the companions
_GRACE_SECONDS = 60.0  # from a companion's failure until the child, which may learn of it by itself, is ended
_EXIT_SECONDS = 5.0  # for a process to end whose work is over


@contextmanager
def companions(n: int, command: Sequence[str], folder: Path) -> Iterator[None]:
    """Work in `n` processes inside the block: this one and n - 1 companions; none of them is left afterwards.

    Args:
        n: number of processes; 1 starts none.
        command: of a companion, which joins the others by `deeplab.distributed.joined_world`.
        folder: of the attempt.

    Raises:
        CompanionFailedError: in place of what the block raised because a companion had failed.
    """
    if n == 1:
        yield
        return
    _meeting, world = open_meeting(n)
    os.environ.update(world | {"RANK": "0", "LOCAL_RANK": "0"})
    processes = [
        subprocess.Popen(list(command), env=os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(1, n)
    ]
    has_ended = threading.Event()
    threading.Thread(target=_watch, args=(processes, folder, has_ended), daemon=True).start()
    try:
        yield
    except Exception as error:
        if failure := _find_cause(error, processes, folder):
            raise CompanionFailedError(failure) from error
        raise
    finally:
        has_ended.set()
        _end(processes)


def _find_cause(error: Exception, processes: _Processes, folder: Path) -> Outcome | None:
    """Find the failure of a companion that led to an error here; None if the error is this process's own."""
    if isinstance(error, ProcessLostError):
        return _await_failure(processes, folder)
    return None if isinstance(error, DeepLabError | Stopped) else _find_failure(processes, folder)


def _watch(processes: _Processes, folder: Path, has_ended: threading.Event) -> None:
    """End this process if it does not end by itself after a companion failed: NCCL waits for a dead one for ever."""
    while _find_failure(processes, folder) is None:
        if has_ended.wait(_LOOK_SECONDS):
            return
    if not has_ended.wait(_GRACE_SECONDS) and (failure := _find_failure(processes, folder)):
        write_outcome(storage.outcome_in(folder), failure)
        os._exit(1)


def _await_failure(processes: _Processes, folder: Path) -> Outcome | None:
    """Find the failure of a companion, whose process may live a little longer than its connections."""
    deadline = time.monotonic() + _EXIT_SECONDS
    while (failure := _find_failure(processes, folder)) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return failure


def _find_failure(processes: _Processes, folder: Path) -> Outcome | None:
    """What the failure of a companion makes of the attempt.

    One that died without a word comes first: those that give a reason may have failed because of it.
    """
    reasons: list[Outcome] = []
    for rank, process in enumerate(processes, start=1):
        status = process.poll()
        if status in (None, 0):
            continue
        reason = read_outcome(storage.companion_outcome_in(folder, rank))
        if reason is None:
            return _describe_death(status, f"Process {rank + 1} of {len(processes) + 1}")
        reasons.append(reason)
    return reasons[0] if reasons else None


def _describe_death(status: int, name: str) -> Outcome:
    if status == -SIGTERM:  # it came before the companion listened for it
        return Outcome(STOPPED)
    if status < 0:
        return Outcome(CRASHED, error=f"{name} was killed by signal {-status} ({Signals(-status).name}).")
    return Outcome(CRASHED, error=f"{name} ended with exit status {status}; the log says why.")


def _end(processes: _Processes) -> None:
    """Let companions that have nothing left to do end by themselves, and kill the others."""
    deadline = time.monotonic() + _EXIT_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        process.kill()  # does nothing to one that has ended
        process.wait()
