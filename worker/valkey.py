"""The embedded broker: a real Valkey server on a unix socket, with a password and an append-only file."""

import hashlib
import secrets
import tempfile
from pathlib import Path
from urllib.parse import quote

from worker.settings import Settings


def broker_url(settings: Settings) -> str:
    """URL of the broker in use, for Celery."""
    if not settings.embedded_broker:
        return settings.broker_url
    return f"redis+socket://:{quote(broker_password(settings))}@{socket_path(settings)}"


def socket_path(settings: Settings) -> Path:
    """The broker's socket: short, because the system limits such paths to about 100 characters, and one per home."""
    digest = hashlib.sha256(str(settings.home).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"deeplab-{digest}" / "valkey.sock"


def broker_password(settings: Settings) -> str:
    """The broker's password, made once per home and readable by its owner alone."""
    path = settings.home / "valkey" / "password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()
