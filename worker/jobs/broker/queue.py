"""Publish queued jobs: tell Celery that they wait. A message carries the job's id and nothing else.

Publishing needs no code of workers, so the dashboard can do it without importing torch.
"""

import time

from celery.exceptions import OperationalError
from kombu.exceptions import OperationalError as BrokerError

from deeplab.errors import DeepLabError
from worker.jobs import outbox
from worker.jobs.broker import connection
from worker.jobs.broker.celery_app import publishing_app
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

RUN_JOB = "deeplab.run_job"
_PAUSE_SECONDS = 3  # after a failure that took longer than this, for which nobody waits for that broker again:
_SHORT_SECONDS = 0.5

_away: dict[str, tuple[float, str]] = {}  # brokers that did not answer, by URL: until when nobody asks them, and why


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
        _send(settings, job)
    except (OperationalError, BrokerError, OSError) as error:
        raise BrokerUnreachableError(
            f"Job {job.id} is queued, but the broker cannot be reached ({error}); the job starts when it can."
        ) from error
    with open_session(settings) as session:
        outbox.mark_published(session, job.id)


def _send(settings: Settings, job: Job) -> None:
    """Send the message; a broker that failed just now is not asked, lest each caller waits for it."""
    url, asked_at = connection.url(settings), time.monotonic()
    until, reason = _away.get(url, (0.0, ""))
    if asked_at < until:
        raise BrokerError(reason)
    try:
        publishing_app(settings).send_task(RUN_JOB, args=[job.id], queue=_channel(job.queue, job.gpus), retry=False)
    except (OperationalError, BrokerError, OSError) as error:
        failed_at = time.monotonic()
        if failed_at - asked_at > _SHORT_SECONDS:
            _away[url] = (failed_at + _PAUSE_SECONDS, str(error))
        raise


def try_publish(settings: Settings, job: Job) -> str | None:
    """Publish a job, and return a sentence for its submitter if the broker cannot be reached."""
    try:
        publish(settings, job)
    except BrokerUnreachableError as error:
        return str(error)
    return None
