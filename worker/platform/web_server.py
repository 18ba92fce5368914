"""The web server's socket, address and command. The app is named by a string, so that only gunicorn imports it."""

import errno
import http.client
import socket
import sys
from contextlib import closing

from deeplab.errors import DeepLabError
from worker.jobs.settings import Settings


class ListenError(DeepLabError):
    """The web server cannot listen where it was told to."""


def listen(host: str, port: int, *, patience: int = 30) -> socket.socket:
    """Open the socket that the web server inherits; it survives a restart of the server.

    Args:
        host: name or address to bind to.
        port: 0 takes a free one.
        patience: seconds for which a client may take nothing of an answer; then its connection is broken. Otherwise
            a few who download much would keep all threads.

    Raises:
        ListenError: if the port is in use or the address is not one of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ListenError(f"Port {port} of {host} is in use; choose another one with --port.") from None
        raise ListenError(f"Cannot listen on port {port} of {host}: {error.strerror or error}.") from None
    # The connections inherit it; waitress has no such timeout of its own.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * patience)
    return listener


def free_port(host: str) -> int:
    """Find a port that is free at the moment."""
    with listen(host, 0) as listener:
        return int(listener.getsockname()[1])


def address(settings: Settings) -> str:
    """The URL of the dashboard for a browser on this machine."""
    host = _reachable(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def command(listener: socket.socket) -> list[str]:
    """The command that serves the dashboard and the JSON API on an inherited socket."""
    config = ["--config", "python:worker.platform.gunicorn_config", "--bind", f"fd://{listener.fileno()}"]
    return [sys.executable, "-P", "-m", "gunicorn", *config, "web:create_app()"]


def answers(settings: Settings) -> bool:
    """Whether the web app answers a request, with whatever status."""
    with closing(http.client.HTTPConnection(_reachable(settings.host), settings.port, timeout=1)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False


def _reachable(host: str) -> str:
    """The address to connect to, also if the server binds to every one."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (recognised, not bound)
