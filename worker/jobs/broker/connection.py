"""The address of the broker: DEEPLAB_BROKER_URL, or the socket of the home folder's embedded Valkey."""

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

from deeplab.errors import DeepLabError
from worker.jobs import storage
from worker.jobs.secret import read_secret
from worker.jobs.settings import Settings
from worker.jobs.urls import without_password

_LONGEST_SOCKET_PATH = 100  # bytes; the system's limit is 108 on Linux and 104 elsewhere, with the final zero


class BrokerError(DeepLabError):
    """The broker cannot be started or reached."""


def url(settings: Settings) -> str:
    """The URL of the broker, for Celery."""
    if not settings.embedded_broker:
        return settings.broker
    return f"redis+socket://:{quote(password(settings))}@{quote(str(socket_path(settings)))}"


def socket_path(settings: Settings) -> Path:
    """The socket of the embedded broker: in the home folder, or under /tmp if that path is too long."""
    path = storage.valkey_dir(settings) / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]
    # Not tempfile.gettempdir(): every process of this home must find it, whatever its TMPDIR is.
    return Path("/tmp") / f"deeplab-{os.getuid()}-{digest}" / "valkey.sock"  # noqa: S108  (the folder is checked)


def password(settings: Settings) -> str:
    """The password of this home's embedded broker."""
    folder = storage.valkey_dir(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return read_secret(folder / "password")


def check_reachable(settings: Settings) -> None:
    """Connect once to the broker of DEEPLAB_BROKER_URL.

    Raises:
        BrokerError: if it does not answer.
    """
    from kombu import Connection
    from kombu.exceptions import KombuError

    try:
        with Connection(settings.broker, transport_options={"socket_connect_timeout": 5}) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
    except (KombuError, OSError) as error:
        shown = without_password(settings.broker)
        raise BrokerError(f"The broker {shown} cannot be reached: {str(error).rstrip('.')}.") from error
