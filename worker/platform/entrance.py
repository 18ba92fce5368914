"""Who gets in where the web server listens: what is refused at its start, and what its terminal says."""

import ipaddress
import socket

from deeplab.errors import DeepLabError
from worker.jobs.accounts import login_links, users
from worker.jobs.accounts.home_token import ensure_home_token
from worker.jobs.database import open_session
from worker.jobs.revisions import check_revision
from worker.jobs.settings import Settings
from worker.platform import web_server


class EntranceError(DeepLabError):
    """The web server would let everybody in, or nobody."""


def prepare_entrance(settings: Settings, listener: socket.socket) -> None:
    """Check that the tables are those of this version, and that somebody can sign in.

    On this machine's own address it also writes HOME/token.

    Raises:
        EntranceError: if nobody could, or a proxy is to name users and none is trusted.
        DatabaseError: if it cannot be asked.
        OutputError: if HOME/token cannot be written.
    """
    check_revision(settings)
    if settings.auth == "off":
        return
    if settings.auth == "proxy":
        if not settings.trusted_proxies:
            raise EntranceError("DEEPLAB_AUTH is proxy: name the proxy's address in DEEPLAB_TRUSTED_PROXIES.")
        return
    with open_session(settings) as session:
        if is_laptop(settings, listener):
            ensure_home_token(session, settings)
        elif not users.has_admin(session, with_password=True):
            why = "DEEPLAB_AUTH is required" if is_own(listener) else f"Others can reach {where(settings, listener)}"
            raise EntranceError(
                f"{why}, and no admin can sign in. "
                "Create one: deeplab user add NAME --role admin, or pass --insecure to ask nobody."
            )


def greeting(settings: Settings, listener: socket.socket) -> list[str]:
    """Where the web server listens, and how to get in, in lines."""
    lines = [f"DeepLab listens on {where(settings, listener)} (home: {settings.home})."]
    if settings.auth == "off":
        lines.append(
            f"Warning: nobody is asked to sign in. Whoever reaches {where(settings, listener)} can run jobs, and read "
            "and write files under the data roots."
        )
    elif is_laptop(settings, listener):
        link = new_login_link(settings, web_server.address(settings))
        lines.append(f"Sign in: {link} (once, within 10 minutes; `deeplab login-link` prints another).")
    return lines


def new_login_link(settings: Settings, address: str) -> str:
    """Make a link that signs in the built-in account once."""
    with open_session(settings) as session:
        secret = login_links.create(session, users.ensure_local(session))
    return f"{address}/login?once={secret}"


def is_laptop(settings: Settings, listener: socket.socket) -> bool:
    """Whether whoever can read this terminal and the home is let in without any account."""
    return settings.auth == "auto" and is_own(listener)


def is_own(listener: socket.socket) -> bool:
    """Whether the web server can be reached from this machine alone."""
    return _bound_to(listener).is_loopback


def where(settings: Settings, listener: socket.socket) -> str:
    """The address that the web server is really bound to, for people."""
    if _bound_to(listener).is_unspecified:
        here = web_server.address(settings)
        return f"port {settings.port} of every address of this machine, here {here}"
    return web_server.address(settings)


def _bound_to(listener: socket.socket) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(str(listener.getsockname()[0]).partition("%")[0])
