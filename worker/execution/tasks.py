"""The one Celery task. Its message says that a job may be waiting; only the database knows whether it is."""

import logging
import signal

from celery import Celery
from sqlalchemy.orm import Session

from worker.execution.slots import Slots
from worker.execution.supervisor import SlotContext, assist, supervise
from worker.jobs import jobs, leases, missing_roots, shards
from worker.jobs.broker.queue import RUN_JOB
from worker.jobs.catalog import RUNNING
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.jobs import Job, JobNotFoundError
from worker.jobs.log_fields import name_process
from worker.jobs.scheduling import next_job
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
_LOOKED_AT = 50  # jobs, for a message, of which others hear nothing meanwhile


def register_tasks(app: Celery, settings: Settings, slots: Slots) -> None:
    """Register the task that runs jobs in a worker's pool processes."""

    @app.task(name=RUN_JOB)
    def run_job_task(job_id: int) -> None:
        # Service managers send SIGTERM to all processes of a service. If the supervisor died of it, its child would die
        # with it, before it could save a checkpoint.
        idle = signal.signal(signal.SIGTERM, lambda *_: slots.stop.set())
        try:
            answer(settings, job_id, slots)
        except DatabaseError as error:  # the job is still queued, or its lease runs out: it will be published again
            _log.warning("%s", error)
        finally:
            signal.signal(signal.SIGTERM, idle)


def answer(settings: Settings, job_id: int, slots: Slots) -> None:
    """Wait for the GPUs that a job asks for, as long as it or another one like it can start, and run that on them."""

    with open_session(settings, reads_only=True) as session:
        job = _find(session, job_id)
    if job is None or job.gpus > max(slots.most_gpus, 1):
        return  # one that is there stays queued for another worker
    channel = job.queue, job.gpus

    def is_wanted() -> bool:
        with open_session(settings, reads_only=True) as session:
            waits = next_job.is_any_ready(session, settings, channel)
            return not slots.stop.is_set() and (waits or _has_share(session, _find(session, job_id)))

    with slots.reserved(job.gpus, is_wanted) as slot:
        if slot is not None:
            run_job(settings, job_id, slot)


def run_job(settings: Settings, job_id: int, slot: SlotContext) -> None:
    """Run the next job of a job's queue that asks for as many GPUs, or help with that job if it can be shared.

    A message says that there may be work, not which: that is for the database to say at the time when a slot is free.
    A job that can be shared is helped unless one of a higher priority waits. If there is nothing to do, this returns
    quietly, which makes every duplicate and late message harmless.
    """
    if slot.stopping():
        return  # the job stays queued for another worker
    with open_session(settings) as session:
        named = _find(session, job_id)
        if named is None:
            return
        shared = named if _has_share(session, named) and missing_roots.find_missing(named) is None else None
        job = _claim_next(session, settings, named, slot.owner, above=None if shared is None else shared.priority)
        shards.release(session, job_id, slot.owner)  # left by an earlier process of the same pid
    about = job or shared
    name_process(job=about and about.id, fence=about and about.fence)
    if job is not None:
        _log.info("Job %d: %s, attempt %d of %d.", job.id, job.kind, job.attempts, job.max_attempts)
        supervise(settings, job, slot)
    elif shared is not None:
        _log.info("Job %d: helping %s.", shared.id, shared.owner)
        assist(settings, shared, slot)
    name_process(job=None, fence=None)


def _claim_next(session: Session, settings: Settings, named: Job, owner: str, above: int | None) -> Job | None:
    """Claim the next job of a job's queue that asks for as many GPUs: that job, or one that goes before it.

    Jobs that name a root which this machine does not have are passed over.
    """
    for _ in range(_LOOKED_AT):
        passed_over = missing_roots.list_passed_over(settings)
        found = next_job.find_next(session, settings, (named.queue, named.gpus), above, passed_over)
        if found is None:
            return None
        job = jobs.get(session, found)
        if (missing := missing_roots.find_missing(job)) is None:
            return leases.claim(session, found, owner, settings.lease_seconds)
        missing_roots.pass_over(session, settings, job, owner, missing)
    return None


def _find(session: Session, job_id: int) -> Job | None:
    """Find a job; None if it was deleted, or the message is from before the database was replaced."""
    try:
        return jobs.get(session, job_id)
    except JobNotFoundError:
        return None


def _has_share(session: Session, job: Job | None) -> bool:
    """Whether a job is a running segment job with a free shard."""
    if job is None or job.kind != "segment" or job.state != RUNNING or job.cancel_requested or job.held_at:
        return False
    return shards.has_free(session, job.id)
