"""Supervise an attempt in a Celery pool process: start the child, keep its lease, watch it, end it, record the end.

This process never imports torch; how the child comes to have it is told in worker.execution.starting.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.errors import StorageError
from worker.execution.child_process import ChildProcess
from worker.execution.lease_keeper import LeaseKeeper
from worker.execution.logs import append_line
from worker.execution.memory import ADVICE, KillCounter
from worker.execution.outcomes import EXIT_UNWRITTEN, STOPPED, Outcome, outcome_of_system_error, read_outcome
from worker.execution.resource_monitor import ResourceMonitor
from worker.execution.starting.starter import Starter
from worker.execution.stillness import Stillness
from worker.jobs import jobs, leases, shards, storage
from worker.jobs.catalog import CANCELLED, FAILED, RUNNING, SUCCEEDED
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.jobs import Job
from worker.jobs.leases import LeaseLostError, Wish
from worker.jobs.outcomes import CRASHED, LOST, OUT_OF_MEMORY, OUTAGE, PAUSED, PREEMPTED, STALLED
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
# By default the threads of PyTorch wait for each other in busy loops, which slows all down by an order of magnitude as
# soon as there are more threads than cores, such as with two workers.
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


class Reason(Enum):
    """Why the supervisor stopped watching a child."""

    EXITED = "the process ended"
    CANCELLED = "the job was cancelled"
    PAUSED = "the job was paused"
    PREEMPTED = "the worker was told to stop"
    STALLED = "no progress was reported for too long"
    LOST = "the job ended or is no longer ours"


# How long a child has to stop by itself, in DEEPLAB_STOP_SECONDS: two of which it can save a checkpoint in.
_GRACE = {Reason.CANCELLED: 1, Reason.PAUSED: 2, Reason.PREEMPTED: 2}


@dataclass(frozen=True)
class SlotContext:
    """One slot of one Celery worker, in which children run one after the other."""

    owner: str  # the name under which it holds leases, unique among all slots that ever were
    device: str  # for people
    environment: Mapping[str, str]  # variables that give a child its part of the machine
    stopping: Callable[[], bool]  # whether the worker was told to stop
    starter: Starter


@dataclass(frozen=True)
class ChildResult:
    """How a child ended."""

    reason: Reason
    exit_status: int
    outcome: Outcome | None  # what it left in its file; None if it was killed before it could
    lacked_memory: bool = False  # whether the system ended processes for lack of memory meanwhile


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of all children, but for the part that each has of the machine."""
    return _PATIENT | settings.environment()


def supervise(settings: Settings, job: Job, slot: SlotContext) -> None:
    """Run one attempt of a job that was claimed just now, to its end."""

    folder = storage.attempt_dir(settings, job.id, job.fence)
    stillness = Stillness(settings, job, storage.alive_in(folder))

    def renew(session: Session) -> Wish | None:
        quiet = stillness.worth_mentioning
        wish = leases.heartbeat(session, job.id, job.fence, settings.lease_seconds, quiet)
        shards.renew(session, job.id, slot.owner, settings.lease_seconds)
        stillness.warn(session)
        return wish

    title = f"Attempt {job.attempts} of {job.max_attempts} (fence {job.fence}) on {slot.owner}, {slot.device}."
    monitor = partial(ResourceMonitor, settings, job, slot.environment)
    with LeaseKeeper(settings, renew) as keeper:
        try:
            result = _run_child(
                [str(job.id), str(job.fence)], folder, title, settings, slot, keeper, stillness, monitor
            )
        except OSError as error:  # such as a full disk
            result = ChildResult(
                Reason.EXITED, 0, outcome_of_system_error(error, f"The process could not be started: {error}.")
            )
        _record(settings, job, slot, result, keeper)
    _send_log(folder)


def assist(settings: Settings, job: Job, slot: SlotContext) -> None:
    """Help with the shards of a segment job that another worker owns, until none is free."""

    def renew(session: Session) -> Wish | None:
        now = jobs.get(session, job.id)
        if now.state != RUNNING or now.fence != job.fence:
            raise LeaseLostError(job.id, job.fence)
        shards.renew(session, job.id, slot.owner, settings.lease_seconds)
        return Wish.CANCEL if now.cancel_requested else None

    def release() -> None:
        with open_session(settings) as session:
            shards.release(session, job.id, slot.owner)

    folder = storage.assistant_dir(settings, job.id, job.fence, slot.owner)
    title = f"{slot.owner}, {slot.device}, helps with job {job.id}."
    arguments = [str(job.id), str(job.fence), "--assist", slot.owner]
    with LeaseKeeper(settings, renew) as keeper:
        try:
            stillness = Stillness(settings, job, storage.alive_in(folder))
            result = _run_child(arguments, folder, title, settings, slot, keeper, stillness)
            _log.info("Job %d: stopped helping: %s.", job.id, result.reason.value)
        finally:
            _until_recorded(keeper, release)
    _send_log(folder)


def _send_log(folder: Path) -> None:
    """Let others read what a child printed, where files of jobs lie elsewhere; that no job fails for it."""
    try:
        remote.send(storage.log_in(folder))
    except (OSError, StorageError) as error:
        _log.warning("%s", error)


def _run_child(
    arguments: list[str],
    folder: Path,
    title: str,
    settings: Settings,
    slot: SlotContext,
    keeper: LeaseKeeper,
    stillness: Stillness,
    monitor: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> ChildResult:
    """Run a child until it ends or has to, under the eyes of a monitor; no process of it is left afterwards.

    Raises:
        OSError: if it cannot be started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = storage.log_in(folder)
    append_line(log, title)
    kills = KillCounter()
    environment = {**child_environment(settings), **slot.environment}
    child = slot.starter.start([*arguments, "--parent", str(os.getpid())], environment, log)
    with monitor(child.pid):  # around all of it: what it waits for at its end must not keep the child alive
        try:
            reason = _watch(child, slot, keeper, stillness)
            if reason in _GRACE:
                append_line(log, f"Asked to stop: {reason.value}.")
                child.stop(_GRACE[reason] * settings.stop_seconds, cut_short=lambda: keeper.lost)
        finally:
            child.kill()
    result = ChildResult(reason, child.wait(0) or 0, read_outcome(storage.outcome_in(folder)), kills.has_risen())
    append_line(log, f"Stopped: {reason.value}." if result.exit_status == 0 else _describe_exit(result.exit_status))
    return result


def _watch(child: ChildProcess, slot: SlotContext, keeper: LeaseKeeper, stillness: Stillness) -> Reason:
    """Wait until the child has ended or there is a reason to end it."""
    while child.wait(0.25) is None:
        if keeper.lost:
            return Reason.LOST
        if keeper.wish is not None:
            return Reason.CANCELLED if keeper.wish is Wish.CANCEL else Reason.PAUSED
        if slot.stopping():
            return Reason.PREEMPTED
        stillness.look()
        if stillness.is_too_long:
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
    else:
        ending, error = _find_ending(settings, job, result)
        leases.release(session, settings, job.id, job.fence, ending, error)


def _find_ending(settings: Settings, job: Job, result: ChildResult) -> tuple[str, str | None]:
    """Which of worker.jobs.outcomes.ENDINGS an attempt had that did not end its job, and a sentence about it."""
    if result.reason is Reason.PAUSED:
        return PAUSED, None
    if result.reason is Reason.PREEMPTED or _was_asked_to_stop(result):
        return PREEMPTED, None
    if result.reason is Reason.STALLED:
        return STALLED, f"It reported no progress for {settings.stall_seconds_of(job.kind):g} s."
    if result.reason is Reason.LOST:
        return LOST, "Its lease could not be renewed."
    ended = result.outcome or _outcome_of_exit(result.exit_status)
    if ended.state == CRASHED and result.lacked_memory:
        return OUT_OF_MEMORY, f"The system ended a process for lack of memory; {ADVICE}."
    return ended.state, ended.error


def _was_asked_to_stop(result: ChildResult) -> bool:
    """Whether the child got a SIGTERM from elsewhere, such as a service manager that stops everything."""
    if result.outcome is None:  # it came before the child listened for it
        return result.exit_status == -signal.SIGTERM
    return result.outcome.state == STOPPED


def _outcome_of_exit(status: int) -> Outcome:
    """The outcome of a process that left none."""
    if status == EXIT_UNWRITTEN:
        return Outcome(OUTAGE, error="There was no room to write down how it ended, or the storage failed.")
    return Outcome(CRASHED, error=_describe_exit(status))


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
