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


def channels(queue: str, most_gpus: int) -> list[str]:
    """The Celery queues that a worker consumes.

    Jobs that ask for several GPUs have one for each number of them, so that a message only comes to workers that have
    as many.

    Args:
        queue: of the worker: gpu or cpu.
        most_gpus: how many GPUs it can give to one job.
    """
    return [_channel(queue, n_gpus) for n_gpus in range(1, max(most_gpus, 1) + 1)]


def _channel(queue: str, n_gpus: int) -> str:
    return queue if n_gpus == 1 else f"{queue}.{n_gpus}"


class BrokerUnreachableError(DeepLabError):
    """A job could not be published; it stays queued, and the reconciler publishes it later."""


def publish(settings: Settings, job: Job) -> None:
    """Send a queued job's id to the workers of its queue. Call it after the submission was committed.

    Raises:
        BrokerUnreachableError: if the broker does not answer.
    """
    try:
        celery_app(settings).send_task(RUN_JOB, args=[job.id], queue=_channel(job.queue, job.gpus), retry=False)
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
