"""What a Celery pool process does for an attempt: start the child, keep its lease, watch it, end it, record the end.

It never imports torch: the child is a fresh process.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy.orm import Session

from worker.execution.child_process import ChildProcess
from worker.execution.lease_keeper import LeaseKeeper
from worker.execution.logs import append_line
from worker.execution.outcomes import CRASHED, STOPPED, Outcome, read_outcome
from worker.jobs import jobs, leases, shards, storage
from worker.jobs.catalog import CANCELLED, FAILED, RUNNING, SUCCEEDED
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.jobs import Job
from worker.jobs.leases import LeaseLostError
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why the supervisor stopped watching a child."""

    EXITED = "the process ended"
    CANCELLED = "the job was cancelled"
    PREEMPTED = "the worker was told to stop"
    STALLED = "no progress was reported for too long"
    LOST = "the job ended or is no longer ours"


@dataclass(frozen=True)
class Seat:
    """Where in the cluster children are run: one slot of one Celery worker."""

    owner: str  # unique among all seats that ever were: it owns leases
    device: str  # for people
    environment: Mapping[str, str]  # variables that give a child its part of the machine
    stopping: Callable[[], bool]  # whether the worker was told to stop
    program: Sequence[str] = (
        sys.executable,
        "-P",
        "-m",
        "worker.execution.child",
    )  # what is run with a job's number and fence


@dataclass(frozen=True)
class _End:
    ending: Ending
    exit_status: int


def supervise(settings: Settings, job: Job, seat: Seat) -> None:
    """Run one attempt of a job that was claimed just now, to its end."""

    def renew(session: Session) -> bool:
        beat = leases.heartbeat(session, job.id, job.fence, settings.lease_seconds)
        shards.renew(session, job.id, seat.owner, settings.lease_seconds)
        return beat.cancel_requested

    folder = storage.attempt_dir(settings, job.id, job.fence)
    title = f"Attempt {job.attempts} of {job.max_attempts} (fence {job.fence}) on {seat.owner}, {seat.device}."
    with LeaseKeeper(settings, renew) as keeper:
        try:
            end = _run_child([str(job.id), str(job.fence)], folder, title, settings, seat, keeper)
            outcome = read_outcome(storage.outcome_in(folder))
        except OSError as error:  # such as a full disk
            end, outcome = _End(Ending.EXITED, 0), Outcome(CRASHED, error=f"The process could not be started: {error}.")
        _record(settings, job, seat, end, outcome, keeper)


def assist(settings: Settings, job: Job, seat: Seat) -> None:
    """Help with the shards of a segment job that another worker owns, until none is free."""

    def renew(session: Session) -> bool:
        now = jobs.get(session, job.id)
        if now.state != RUNNING or now.fence != job.fence:
            raise LeaseLostError(job.id, job.fence)
        shards.renew(session, job.id, seat.owner, settings.lease_seconds)
        return now.cancel_requested

    def release() -> None:
        with open_session(settings) as session:
            shards.release(session, job.id, seat.owner)

    folder = storage.assistant_dir(settings, job.id, job.fence, seat.owner)
    title = f"{seat.owner}, {seat.device}, helps with job {job.id}."
    arguments = [str(job.id), str(job.fence), "--assist", seat.owner]
    with LeaseKeeper(settings, renew) as keeper:
        try:
            end = _run_child(arguments, folder, title, settings, seat, keeper)
            _log.info("Job %d: stopped helping: %s.", job.id, end.ending.value)
        finally:
            _until_recorded(keeper, release)


def _run_child(
    arguments: list[str], folder: Path, title: str, settings: Settings, seat: Seat, keeper: LeaseKeeper
) -> _End:
    """Run a child until it ends or has to; no process of it is left afterwards.

    Raises:
        OSError: if it cannot be started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = storage.log_in(folder)
    append_line(log, title)
    command = [*seat.program, *arguments, "--parent", str(os.getpid())]
    child = ChildProcess(command, {**settings.environment(), **seat.environment}, log)
    try:
        ending = _watch(child, storage.pulse_in(folder), settings, seat, keeper)
        grace = {Ending.CANCELLED: settings.stop_seconds, Ending.PREEMPTED: 2 * settings.stop_seconds}.get(ending, 0)
        if grace:
            append_line(log, f"Asked to stop: {ending.value}.")
            child.stop(grace, hurry=lambda: keeper.lost)
    finally:
        child.kill()
    end = _End(ending, child.wait(0) or 0)
    append_line(log, f"Stopped: {ending.value}." if end.exit_status == 0 else _describe_exit(end.exit_status))
    return end


def _watch(child: ChildProcess, pulse: Path, settings: Settings, seat: Seat, keeper: LeaseKeeper) -> Ending:
    """Wait until the child has ended or there is a reason to end it."""
    beat, beat_at = None, time.monotonic()
    while child.wait(0.25) is None:
        if keeper.lost:
            return Ending.LOST
        if keeper.cancel_requested:
            return Ending.CANCELLED
        if seat.stopping():
            return Ending.PREEMPTED
        last_beat = pulse.stat().st_mtime_ns if pulse.exists() else None
        if last_beat != beat:  # compared with itself only: the clocks of file servers differ
            beat, beat_at = last_beat, time.monotonic()
        elif time.monotonic() > beat_at + settings.stall_seconds:
            return Ending.STALLED
    return Ending.EXITED


def _record(settings: Settings, job: Job, seat: Seat, end: _End, outcome: Outcome | None, keeper: LeaseKeeper) -> None:
    """Write the end of an attempt into the database, if the job is still ours."""

    def record() -> None:
        with open_session(settings) as session:
            shards.release(session, job.id, seat.owner)
            _conclude(session, settings, job, end, outcome)
            _log.info("Job %d: %s.", job.id, jobs.get(session, job.id).state)

    if end.ending is Ending.CANCELLED:
        _await_assistants(settings, job, seat, keeper)
    try:
        _until_recorded(keeper, record)
    except LeaseLostError as error:
        _log.warning("%s What the attempt did since is not recorded.", error)


def _conclude(session: Session, settings: Settings, job: Job, end: _End, outcome: Outcome | None) -> None:
    """Finish the job or give it back.

    Raises:
        LeaseLostError: if it is not ours any more.
    """
    if outcome is not None and outcome.state in (SUCCEEDED, FAILED):
        # Also if it was asked to stop at the last moment: it is done, and nothing of it has to be done again.
        leases.finish(session, job.id, job.fence, outcome.state, result=outcome.result, error=outcome.error)
    elif end.ending is Ending.CANCELLED:
        leases.finish(session, job.id, job.fence, CANCELLED)
    elif end.ending is Ending.PREEMPTED or _was_asked_to_stop(end, outcome):
        leases.release(session, job.id, job.fence, "preempted")
    elif end.ending is Ending.STALLED:
        sentence = f"It reported no progress for {settings.stall_seconds:g} s."
        leases.release(session, job.id, job.fence, "stalled", sentence)
    elif end.ending is Ending.LOST:
        leases.release(session, job.id, job.fence, "lost", "Its lease could not be renewed.")
    else:
        error = outcome.error if outcome is not None else _describe_exit(end.exit_status)
        leases.release(session, job.id, job.fence, "crashed", error)


def _was_asked_to_stop(end: _End, outcome: Outcome | None) -> bool:
    """Whether somebody else sent the child a SIGTERM, such as a service manager that stops everything."""
    if outcome is None:  # it came before the child could listen to it
        return end.exit_status == -signal.SIGTERM
    return outcome.state == STOPPED


def _describe_exit(status: int) -> str:
    """A sentence about a process that left no outcome."""
    if status < 0:
        return f"The process was killed by signal {-status} ({signal.Signals(-status).name})."
    return f"The process ended with exit status {status}; its log says why."


def _await_assistants(settings: Settings, job: Job, seat: Seat, keeper: LeaseKeeper) -> None:
    """Wait until no other worker has a process for this job: they stop on their own, or their leases run out."""
    while not keeper.lost:
        with suppress(DatabaseError), open_session(settings, reads_only=True) as session:
            if not shards.others_at_work(session, job.id, seat.owner):
                return
        time.sleep(0.25)


def _until_recorded(keeper: LeaseKeeper, record: Callable[[], None]) -> None:
    """Record something; while the database cannot be reached, try again as long as the lease holds."""
    while True:
        try:
            return record()
        except DatabaseError as error:
            _log.warning("%s", error)
            if keeper.lost:
                return None
            time.sleep(1)
