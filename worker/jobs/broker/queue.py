"""Telling Celery that a job is waiting. The message carries the job's number and nothing else.

Sending needs no worker code, so the dashboard can publish without importing torch.
"""

from celery.exceptions import OperationalError
from kombu.exceptions import OperationalError as BrokerError

from deeplab.errors import DeepLabError
from worker.jobs import outbox
from worker.jobs.broker.celery_app import celery_app
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

RUN_JOB = "deeplab.run_job"


class BrokerUnreachableError(DeepLabError):
    """Celery could not be told; the job stays queued and is published by the reconciler later."""


def publish(settings: Settings, job: Job) -> None:
    """Send a queued job's number to the workers of its queue. Call it after the submission was committed.

    Raises:
        BrokerUnreachableError: if the broker does not answer.
    """
    try:
        celery_app(settings).send_task(RUN_JOB, args=[job.id], queue=job.queue, retry=False)
    except (OperationalError, BrokerError, OSError) as error:
        raise BrokerUnreachableError(
            f"Job {job.id} is queued, but the broker cannot be reached ({error}); it will be started once it can."
        ) from error
    with open_session(settings) as session:
        outbox.mark_published(session, job.id)


def try_publish(settings: Settings, job: Job) -> str | None:
    """Publish a job; a sentence for its submitter if the broker cannot be reached, which delays the job."""
    try:
        publish(settings, job)
    except BrokerUnreachableError as error:
        return str(error)
    return None
