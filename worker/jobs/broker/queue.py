"""Publish queued jobs: tell Celery that they wait. A message carries the job's id and nothing else.

Publishing needs no code of workers, so the dashboard can do it without importing torch.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from celery.exceptions import OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from deeplab.errors import DeepLabError
from worker.jobs import outbox
from worker.jobs.broker import connection
from worker.jobs.broker.celery_app import celery_app
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

RUN_JOB = "deeplab.run_job"
_PAUSE_SECONDS = 5.0  # after a failure, in which nobody of this process waits for the broker
_PROBE = "deeplab:probe"  # a key that is written to see whether the broker takes anything
_PROBE_SECONDS = 60  # for which it stays

# Until when (monotonic) a broker is left alone and why, by its URL.
_left_alone: dict[str, tuple[float, str]] = {}
_log = logging.getLogger(__name__)


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
    """Use the broker inside the block; for some seconds after a failure, fail at once.

    Raises:
        BrokerUnreachableError: if it does not answer or refuses.
    """
    url = connection.url(settings)
    until, reason = _left_alone.get(url, (0.0, ""))
    if time.monotonic() < until:
        raise _unreachable(reason)
    try:
        yield celery_app(settings)
    except (OperationalError, BrokerError, RedisError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        _left_alone[url] = (time.monotonic() + _PAUSE_SECONDS, reason)
        _log.warning("The broker cannot be reached, or takes nothing: %s.", reason)
        raise _unreachable(reason) from error
    _left_alone.pop(url, None)


def _unreachable(reason: str) -> BrokerUnreachableError:
    return BrokerUnreachableError(f"The broker cannot be reached, or takes nothing: {reason}.", reason)
