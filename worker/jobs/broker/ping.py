"""Whether the broker answers."""

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from deeplab.errors import DeepLabError
from worker.jobs.broker import connection
from worker.jobs.broker.celery_app import publishing_app
from worker.jobs.settings import Settings
from worker.jobs.urls import without_password


class BrokerSilentError(DeepLabError):
    """The broker does not answer."""


def ping(settings: Settings) -> None:
    """Ask the broker for an answer, for two seconds at most.

    Raises:
        BrokerSilentError: if there is none.
    """
    try:
        with publishing_app(settings).connection_for_write() as opened:
            opened.default_channel.client.ping()  # type: ignore[attr-defined]  # of kombu's Redis transport
    except (KombuError, RedisError, OSError) as error:
        shown = without_password(connection.url(settings))
        raise BrokerSilentError(f"The broker {shown} does not answer: {str(error).rstrip('.')}.") from error
