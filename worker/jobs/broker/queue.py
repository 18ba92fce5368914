"""Publish queued jobs: tell Celery that they wait. A message carries the job's id and nothing else.

Publishing needs no code of workers, so the dashboard can do it without importing torch.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from celery.exceptions import OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from deeplab.errors import DeepLabError
from deeplab.formats import words_of
from worker.jobs import outbox
from worker.jobs.broker import connection
from worker.jobs.broker.celery_app import publishing_app
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

RUN_JOB = "deeplab.run_job"
_PAUSE_SECONDS = 3  # after a failure that took longer than this, for which nobody waits for that broker again:
_SHORT_SECONDS = 0.5
_PROBE = "deeplab:probe"  # a key that is written to see whether the broker takes anything
_PROBE_SECONDS = 60  # for which it stays

_away: dict[str, tuple[float, str]] = {}  # brokers that did not answer, by URL: until when nobody asks them, and why


class BrokerUnreachableError(DeepLabError):
    """The broker does not answer, or takes nothing; `reason` is what it or the system said."""

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)


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


def publish(settings: Settings, job: Job) -> None:
    """Send a queued job's id to the workers of its queue, unless somebody did just now. Call it after the commit.

    Raises:
        BrokerUnreachableError: if the broker takes nothing; the job stays queued, and the reconciler publishes it.
    """
    with open_session(settings) as session:
        if not outbox.take(session, job.id):
            return
    try:
        send(settings, job)
    except BrokerUnreachableError:
        with open_session(settings) as session:
            outbox.give_back(session, job.id)
        raise


def try_publish(settings: Settings, job: Job) -> str | None:
    """Publish a job, and return a sentence for its submitter if the broker cannot be reached."""
    try:
        publish(settings, job)
    except BrokerUnreachableError as error:
        return f"Job {job.id} is queued, but the broker cannot be reached ({error.reason}); the job starts when it can."
    return None


def send(settings: Settings, job: Job) -> None:
    """Send a job's id to the workers of its queue, whatever was sent before.

    Raises:
        BrokerUnreachableError: if the broker takes nothing.
    """
    with _patiently(settings) as app:
        app.send_task(RUN_JOB, args=[job.id], queue=_channel(job.queue, job.gpus), retry=False)


def require_writable(settings: Settings) -> None:
    """Write something to the broker. Raises BrokerUnreachableError if it cannot be reached, or takes nothing."""
    with _client(settings) as client:
        client.set(_PROBE, "1", ex=_PROBE_SECONDS)


def count_messages(settings: Settings, queue: str, n_gpus: int) -> int:
    """Count the messages that wait for workers with so many GPUs.

    Raises:
        BrokerUnreachableError: if the broker does not answer.
    """
    with _client(settings) as client:
        return int(client.llen(_channel(queue, n_gpus)))


@contextmanager
def _client(settings: Settings) -> Iterator[Any]:
    """Yield the client of Redis with which kombu sends messages. Raises BrokerUnreachableError as `_patiently`."""
    with _patiently(settings) as app, app.connection_for_write() as link:
        channel: Any = link.default_channel
        yield channel.client


@contextmanager
def _patiently(settings: Settings) -> Iterator[Celery]:
    """Use the broker inside the block; one that failed just now is not asked, lest each caller waits for it.

    Raises:
        BrokerUnreachableError: if it does not answer or refuses.
    """
    url = connection.url(settings)
    asked_at = time.monotonic()
    until, reason = _away.get(url, (0.0, ""))
    if asked_at < until:
        raise _unreachable(reason)
    try:
        yield publishing_app(settings)
    except (OperationalError, BrokerError, RedisError, OSError) as error:
        failed_at = time.monotonic()
        reason = words_of(error)
        if failed_at - asked_at > _SHORT_SECONDS:
            _away[url] = (failed_at + _PAUSE_SECONDS, reason)
        raise _unreachable(reason) from error


def _unreachable(reason: str) -> BrokerUnreachableError:
    return BrokerUnreachableError(f"The broker cannot be reached, or takes nothing: {reason}.", reason)
