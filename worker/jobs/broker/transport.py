"""Redis as Celery uses it, but what would end a worker or keep it away for long does neither.

A message that is none is dropped, and a broker that is back is found within seconds, however long it was away.
"""

import logging
import time
from typing import Any

import kombu
from celery.app.amqp import AMQP
from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ResponseError

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0  # between two attempts to connect; kombu's grows to 30, and Celery has no setting for it


class _Channel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # kombu's stubs lack it
        except ResponseError:  # such as of a broker that can be read only: Celery connects again, and again at once
            time.sleep(_PAUSE_SECONDS)
            raise
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            # Nobody who sends such a message has published a job, and the reconciler publishes jobs again.
            _log.warning("A message on the queue is none of Celery's and is dropped: %s.", type(error).__name__)
            return True


class Transport(redis.Transport):
    """The transport of redis:// URLs."""

    Channel = _Channel


class _Connection(kombu.Connection):
    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        intervals = {"interval_start": 1.0, "interval_step": 1.0, "interval_max": _LONGEST_PAUSE_SECONDS}
        return super().ensure_connection(*args, **{**intervals, **kwargs})


class Connections(AMQP):
    """Connects a Celery application by such connections."""

    Connection = _Connection


def register() -> None:
    """Use this transport for redis:// and rediss:// URLs."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
