"""The Celery application. SQL is the only truth: no result backend, no ETA, no chords, no revoke."""

from functools import lru_cache

from celery import Celery

from worker.jobs.broker import connection, transport
from worker.jobs.settings import Settings

PUBLISHER_SECONDS = 2.0  # for which somebody who publishes waits for an answer of the broker
CONSUMER_SECONDS = 10.0  # ... and a worker, which has the time


def celery_app(settings: Settings, patience: float = PUBLISHER_SECONDS) -> Celery:
    """Return the Celery application for the broker of these settings, which has so many seconds for each answer."""
    return _celery_app(connection.url(settings), patience)


@lru_cache(maxsize=8)
def _celery_app(url: str, patience: float) -> Celery:
    transport.register()
    app = Celery("deeplab", broker=url, set_as_current=False)
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
            "socket_connect_timeout": PUBLISHER_SECONDS,
            "socket_timeout": patience,
            "max_retries": 1,
        },
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return app
