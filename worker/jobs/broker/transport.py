"""Redis as Celery uses it, but a message that is none is dropped: kombu would end the worker with it."""

import logging
import time
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ResponseError

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0


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


def register() -> None:
    """Use this transport for redis:// and rediss:// URLs."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
