"""Recover from lost messages, dead workers and absent brokers: publish queued jobs again, take back leases.

Every process with a connection to the database does this, workers, `deeplab up` and the web server, also at the same
time: each change is a compare-and-set, and an extra message is harmless.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlalchemy.orm import Session

from worker.jobs import alarms, jobs, leases, outbox, shards, workers
from worker.jobs.broker import queue
from worker.jobs.broker.queue import BrokerUnreachableError
from worker.jobs.cleaning import tries
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership.room import find_shortage
from worker.jobs.repeating import Repeating
from worker.jobs.scheduling import chains, next_job
from worker.jobs.scheduling.next_job import Channel
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


class Reconciler(Repeating):
    """A thread that reconciles in a loop, the first time at once, and records the heartbeat of a worker."""

    def __init__(self, settings: Settings, worker_id: int | None = None) -> None:
        """Prepare; `worker_id` is the worker that this process is, if it is one."""
        super().__init__("reconciler", patience=5)
        self._settings = settings
        self._worker_id = worker_id

    def _take_steps(self) -> Iterator[float]:
        while True:
            for step in (self._show_life, *_STEPS):
                _try(step, self._settings)
            yield self._settings.reconcile_seconds

    def _show_life(self, settings: Settings) -> None:
        if self._worker_id is not None:
            with open_session(settings) as session:
                workers.heartbeat(session, self._worker_id)


def _try(step: Callable[[Settings], None], settings: Settings) -> None:
    """Take a step of the loop, which nothing must end: with it the heartbeat would, and every repair."""
    try:
        step(settings)
    except Exception as error:
        _log.warning("Reconciling failed, will retry: %s: %s", type(error).__name__, error)


def reconcile(settings: Settings) -> None:
    """Make one pass: take back jobs whose worker is gone, and publish those that may start."""
    for step in _STEPS:
        step(settings)


def take_back(settings: Settings) -> None:
    """Take back what dead processes hold, and what nobody has renewed."""
    free_dead(settings)
    expire_leases(settings)


def free_dead(settings: Settings) -> None:
    """Take back what processes held that this machine knows to be dead, without waiting for their leases."""
    with open_session(settings, reads_only=True) as session:
        dead, orphaned, abandoned = workers.list_dead(session), leases.orphaned(session), shards.orphaned(session)
    if dead or abandoned:
        with open_session(settings) as session:
            for job_id, owner in abandoned:
                shards.release(session, job_id, owner)
            for worker_id in dead:
                workers.unregister(session, worker_id)
    _take_jobs(settings, orphaned, leases.take_from_dead, "the worker's process died")


def expire_leases(settings: Settings) -> None:
    """Queue jobs again whose worker stopped responding, or fail them if there were too many such attempts."""
    with open_session(settings, reads_only=True) as session:
        expired = leases.expired(session)
    _take_jobs(settings, expired, leases.expire, "the worker stopped responding")


def _take_jobs(
    settings: Settings,
    attempts: Iterable[tuple[int, int]],
    take: Callable[[Session, Settings, int, int], str | None],
    why: str,
) -> None:
    """Take jobs from attempts, each in a transaction of its own."""
    for job_id, fence in attempts:
        with open_session(settings) as session:
            state = take(session, settings, job_id, fence)
        if state is not None:
            _log.warning("Job %d: %s; the job is now %s.", job_id, why, state)


def free_waiting(settings: Settings) -> None:
    """Free jobs whose time has come, and jobs that waited for others; cancel those that waited for one in vain."""
    with open_session(settings, reads_only=True) as session:
        is_due, is_settled = next_job.is_any_due(session), not chains.list_unsettled(session)
    if is_due or not is_settled:
        with open_session(settings) as session:
            next_job.wake(session)
            chains.settle(session)


def publish_waiting(settings: Settings) -> None:
    """Publish jobs that may start of which Celery may not know; if the broker takes nothing, raise an alarm."""
    with open_session(settings, reads_only=True) as session:
        new, overdue, n_ready = outbox.list_new(session), outbox.list_overdue(session), outbox.count_ready(session)
    try:
        queue.require_writable(settings)
        for job in new:
            queue.publish(settings, job)
        _publish_overdue(settings, overdue, n_ready)
        for channel in n_ready:
            _publish_next(settings, channel)
    except BrokerUnreachableError as error:
        _report(settings, alarms.BROKER, f"{error} Queued jobs start when it can be used again.")
    else:
        _report(settings, alarms.BROKER, None)


def _publish_overdue(settings: Settings, overdue: list[Job], n_ready: Mapping[Channel, int]) -> None:
    """Publish jobs again whose messages are lost: there are fewer than jobs. Else they wait for a slot.

    Raises:
        BrokerUnreachableError: if the broker does not answer.
    """
    n_lost: dict[Channel, int] = {}
    for job in overdue:
        channel = (job.queue, job.gpus)
        if channel not in n_lost:
            n_lost[channel] = n_ready.get(channel, 0) - queue.count_messages(settings, *channel)
        if n_lost[channel] > 0:
            queue.publish(settings, job)
            n_lost[channel] -= 1


def _publish_next(settings: Settings, channel: Channel) -> None:
    """Publish the next jobs, one for each slot, if no message waits though a job may start.

    So it is when a limit kept all jobs back whose messages came, and there is room again.

    Raises:
        BrokerUnreachableError: if the broker does not answer.
    """
    if queue.count_messages(settings, *channel) > 0:
        return
    with open_session(settings, reads_only=True) as session:
        n_slots = workers.count_slots(session, channel[0])
        found = [jobs.get(session, job_id) for job_id in next_job.list_next(session, settings, channel, n_slots)]
    for job in found:
        queue.send(settings, job)


def watch_disk(settings: Settings) -> None:
    """Raise an alarm on all pages while the disk of the home, as this machine sees it, runs short."""
    _report(settings, alarms.DISK, find_shortage(settings))


_STEPS = (free_dead, expire_leases, watch_disk, free_waiting, publish_waiting, tries.delete_old)


def _report(settings: Settings, subject: str, sentence: str | None) -> None:
    with open_session(settings, reads_only=True) as session:
        is_reported = alarms.is_reported(session, subject)
    if sentence is None and not is_reported:
        return  # as nearly always: nobody has to wait for a writer
    if sentence is None or not is_reported:
        _log.warning("%s", sentence or f"All is well with the {subject} again.")
    with open_session(settings) as session:
        alarms.report(session, subject, sentence)
