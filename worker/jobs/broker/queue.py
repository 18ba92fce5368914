"""Publish queued jobs: tell Celery that they wait. A message carries the job's id and nothing else.

Publishing needs no code of workers, so the dashboard can do it without importing torch.
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
    """A job could not be published; it stays queued, and the reconciler publishes it later."""


def publish(settings: Settings, job: Job) -> None:
    """Send a queued job's id to the workers of its queue. Call it after the submission was committed.

    Raises:
        BrokerUnreachableError: if the broker does not answer.
    """
    try:
        celery_app(settings).send_task(RUN_JOB, args=[job.id], queue=job.queue, retry=False)
    except (OperationalError, BrokerError, OSError) as error:
        raise BrokerUnreachableError(
            f"Job {job.id} is queued, but the broker cannot be reached ({error}); the job starts when it can."
        ) from error
    with open_session(settings) as session:
        outbox.mark_published(session, job.id)


def try_publish(settings: Settings, job: Job) -> str | None:
    """Publish a job, and return a sentence for its submitter if the broker cannot be reached."""
    try:
        publish(settings, job)
    except BrokerUnreachableError as error:
        return str(error)
    return None
