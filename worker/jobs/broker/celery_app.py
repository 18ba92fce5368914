"""The Celery application. SQL is the only truth: no result backend, no ETA, no chords, no revoke."""

from functools import lru_cache

from celery import Celery

from worker.jobs.broker import connection, transport
from worker.jobs.settings import Settings

_WORKER_SECONDS = 10  # for an answer of the broker, which a machine under load may owe for a while
_PUBLISH_SECONDS = 1  # of each of two tries


def celery_app(settings: Settings) -> Celery:
    """Return the Celery application for the broker of these settings, for workers."""
    return _celery_app(connection.url(settings), _WORKER_SECONDS)


def publishing_app(settings: Settings) -> Celery:
    """Return the same for those who publish, whom a broker that does not answer shall not hold up."""
    return _celery_app(connection.url(settings), _PUBLISH_SECONDS)


@lru_cache(maxsize=8)
def _celery_app(url: str, seconds: int) -> Celery:
    transport.register()
    app = Celery("deeplab", broker=url, amqp=transport.Connections, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        # A message is only a hint that a job is queued. It is acknowledged at once; if the worker dies, the job's lease
        # runs out and the reconciler publishes it again, which is faster than the broker's redelivery.
        task_acks_late=False,
        # A message that waits behind a long training run would be lost to the idle worker beside it.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # keep trying: the broker may be back
        # Whatever the broker answers, such as that it has no memory or no disk, it may answer something else later.
        broker_channel_error_retry=True,
        broker_transport_options={
            "socket_connect_timeout": min(seconds, 3),
            "socket_timeout": seconds,
            "max_retries": 1,
            "interval_start": 0,
        },
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return app
