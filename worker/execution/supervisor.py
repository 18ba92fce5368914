"""Supervise an attempt in a Celery pool process: start the child, keep its lease, watch it, end it, record the end.

This process never imports torch, because a process that has used CUDA cannot fork; the child is a fresh one.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from worker.execution.child_process import ChildProcess
from worker.execution.lease_keeper import LeaseKeeper
from worker.execution.logs import append_line
from worker.execution.outcomes import CRASHED, STOPPED, Outcome, read_outcome
from worker.execution.resource_monitor import ResourceMonitor
from worker.jobs import jobs, leases, shards, storage
from worker.jobs.catalog import CANCELLED, FAILED, RUNNING, SUCCEEDED
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.jobs import Job
from worker.jobs.leases import LeaseLostError
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


class Reason(Enum):
    """Why the supervisor stopped watching a child."""

    EXITED = "the process ended"
    CANCELLED = "the job was cancelled"
    PREEMPTED = "the worker was told to stop"
    STALLED = "no progress was reported for too long"
    LOST = "the job ended or is no longer ours"


@dataclass(frozen=True)
class SlotContext:
    """One slot of one Celery worker, in which children run one after the other."""

    owner: str  # the name under which it holds leases, unique among all slots that ever were
    device: str  # for people
    environment: Mapping[str, str]  # variables that give a child its part of the machine
    stopping: Callable[[], bool]  # whether the worker was told to stop
    # The command of a child, without a job's id and fence.
    program: Sequence[str] = (sys.executable, "-P", "-m", "worker.execution.child")


@dataclass(frozen=True)
class ChildResult:
    """How a child ended."""

    reason: Reason
    exit_status: int
    outcome: Outcome | None  # what it left in its file; None if it was killed before it could


def supervise(settings: Settings, job: Job, slot: SlotContext) -> None:
    """Run one attempt of a job that was claimed just now, to its end."""

    def renew(session: Session) -> bool:
        cancel_requested = leases.heartbeat(session, job.id, job.fence, settings.lease_seconds)
        shards.renew(session, job.id, slot.owner, settings.lease_seconds)
        return cancel_requested

    folder = storage.attempt_dir(settings, job.id, job.fence)
    title = f"Attempt {job.attempts} of {job.max_attempts} (fence {job.fence}) on {slot.owner}, {slot.device}."
    monitor = partial(ResourceMonitor, settings, job, slot.environment)
    with LeaseKeeper(settings, renew) as keeper:
        try:
            result = _run_child([str(job.id), str(job.fence)], folder, title, settings, slot, keeper, monitor)
        except OSError as error:  # such as a full disk
            crashed = Outcome(CRASHED, error=f"The process could not be started: {error}.")
            result = ChildResult(Reason.EXITED, 0, crashed)
        _record(settings, job, slot, result, keeper)


def assist(settings: Settings, job: Job, slot: SlotContext) -> None:
    """Help with the shards of a segment job that another worker owns, until none is free."""

    def renew(session: Session) -> bool:
        now = jobs.get(session, job.id)
        if now.state != RUNNING or now.fence != job.fence:
            raise LeaseLostError(job.id, job.fence)
        shards.renew(session, job.id, slot.owner, settings.lease_seconds)
        return now.cancel_requested

    def release() -> None:
        with open_session(settings) as session:
            shards.release(session, job.id, slot.owner)

    folder = storage.assistant_dir(settings, job.id, job.fence, slot.owner)
    title = f"{slot.owner}, {slot.device}, helps with job {job.id}."
    arguments = [str(job.id), str(job.fence), "--assist", slot.owner]
    with LeaseKeeper(settings, renew) as keeper:
        try:
            result = _run_child(arguments, folder, title, settings, slot, keeper)
            _log.info("Job %d: stopped helping: %s.", job.id, result.reason.value)
        finally:
            _until_recorded(keeper, release)


def _run_child(
    arguments: list[str],
    folder: Path,
    title: str,
    settings: Settings,
    slot: SlotContext,
    keeper: LeaseKeeper,
    monitor: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> ChildResult:
    """Run a child until it ends or has to, under the eyes of a monitor; no process of it is left afterwards.

    Raises:
        OSError: if it cannot be started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = storage.log_in(folder)
    append_line(log, title)
    command = [*slot.program, *arguments, "--parent", str(os.getpid())]
    child = ChildProcess(command, {**settings.environment(), **slot.environment}, log)
    with monitor(child.pid):  # around all of it: what it waits for at its end must not keep the child alive
        try:
            reason = _watch(child, storage.alive_in(folder), settings, slot, keeper)
            grace = {Reason.CANCELLED: settings.stop_seconds, Reason.PREEMPTED: 2 * settings.stop_seconds}.get(
                reason, 0
            )
            if grace:
                append_line(log, f"Asked to stop: {reason.value}.")
                child.stop(grace, cut_short=lambda: keeper.lost)
        finally:
            child.kill()
    result = ChildResult(reason, child.wait(0) or 0, read_outcome(storage.outcome_in(folder)))
    append_line(log, f"Stopped: {reason.value}." if result.exit_status == 0 else _describe_exit(result.exit_status))
    return result


def _watch(child: ChildProcess, alive: Path, settings: Settings, slot: SlotContext, keeper: LeaseKeeper) -> Reason:
    """Wait until the child has ended or there is a reason to end it."""
    touched, seen_at = None, time.monotonic()
    while child.wait(0.25) is None:
        if keeper.lost:
            return Reason.LOST
        if keeper.cancel_requested:
            return Reason.CANCELLED
        if slot.stopping():
            return Reason.PREEMPTED
        last_touched = alive.stat().st_mtime_ns if alive.exists() else None
        if last_touched != touched:  # compared with itself only: the clocks of file servers differ
            touched, seen_at = last_touched, time.monotonic()
        elif time.monotonic() > seen_at + settings.stall_seconds:
            return Reason.STALLED
    return Reason.EXITED


def _record(settings: Settings, job: Job, slot: SlotContext, result: ChildResult, keeper: LeaseKeeper) -> None:
    """Write the end of an attempt into the database, if the job is still ours."""

    def record() -> None:
        with open_session(settings) as session:
            shards.release(session, job.id, slot.owner)
            _conclude(session, settings, job, result)
            _log.info("Job %d: %s.", job.id, jobs.get(session, job.id).state)

    if result.reason is Reason.CANCELLED:
        _await_assistants(settings, job, slot, keeper)
    try:
        _until_recorded(keeper, record)
    except LeaseLostError as error:
        _log.warning("%s Its last results are not recorded.", error)


def _conclude(session: Session, settings: Settings, job: Job, result: ChildResult) -> None:
    """Finish the job or give it back to the queue.

    Raises:
        LeaseLostError: if it is not ours any more.
    """
    outcome = result.outcome
    if outcome is not None and outcome.state in (SUCCEEDED, FAILED):
        # Even if it was asked to stop at the last moment: it is done, and nothing of it has to be done again.
        leases.finish(session, job.id, job.fence, outcome.state, result=outcome.result, error=outcome.error)
    elif result.reason is Reason.CANCELLED:
        leases.finish(session, job.id, job.fence, CANCELLED)
    elif result.reason is Reason.PREEMPTED or _was_asked_to_stop(result):
        leases.release(session, job.id, job.fence, "preempted")
    elif result.reason is Reason.STALLED:
        sentence = f"It reported no progress for {settings.stall_seconds:g} s."
        leases.release(session, job.id, job.fence, "stalled", sentence)
    elif result.reason is Reason.LOST:
        leases.release(session, job.id, job.fence, "lost", "Its lease could not be renewed.")
    else:
        error = outcome.error if outcome is not None else _describe_exit(result.exit_status)
        leases.release(session, job.id, job.fence, "crashed", error)


def _was_asked_to_stop(result: ChildResult) -> bool:
    """Whether the child got a SIGTERM from elsewhere, such as a service manager that stops everything."""
    if result.outcome is None:  # it came before the child listened for it
        return result.exit_status == -signal.SIGTERM
    return result.outcome.state == STOPPED


def _describe_exit(status: int) -> str:
    """A sentence about a process that left no outcome."""
    if status < 0:
        return f"The process was killed by signal {-status} ({signal.Signals(-status).name})."
    return f"The process ended with exit status {status}; its log says why."


def _await_assistants(settings: Settings, job: Job, slot: SlotContext, keeper: LeaseKeeper) -> None:
    """Wait until no other worker has a process for this job: they stop on their own, or their leases run out."""
    while not keeper.lost:
        with suppress(DatabaseError), open_session(settings, reads_only=True) as session:
            if not shards.others_at_work(session, job.id, slot.owner):
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
