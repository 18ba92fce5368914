"""Which requests are answered, and what a browser may do with the pages.

A dashboard on 127.0.0.1 is reachable by every page that its user visits: by DNS rebinding (hence the check of the host
name), by forms that foreign pages send (hence the check of the origin, the CSRF token of our forms and, for the API,
the content type), and by frames.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from web.context import current_settings

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    # Everything comes from this server and nothing is inline, so injected markup cannot run.
    # Bootstrap draws the marks of form controls with data: images.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def register_guard(app: Flask) -> None:
    """Check every request before it reaches a view, and add security headers to every answer."""
    app.before_request(_refuse_foreign_host)
    app.before_request(_refuse_foreign_origin)
    app.after_request(_add_headers)


def _refuse_foreign_host() -> None:
    settings = current_settings()
    own_names = {name.strip("[]").lower() for name in (settings.host, *settings.allowed_hosts)}
    name = _host_name(request.host)
    if name not in _LOCAL_NAMES | own_names:
        abort(400, f"Host {name!r} is not allowed; add it to DEEPLAB_ALLOWED_HOSTS.")


def _host_name(host: str) -> str:
    """Strip port and brackets from a Host header; empty if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as a malformed IPv6 address
        return ""


def _refuse_foreign_origin() -> None:
    """Refuse what a page of another origin sends. Browsers always send these headers; programs send neither."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        abort(403, f"Requests from {origin} are not allowed.")
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        abort(403, "Requests from other sites are not allowed.")


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    # Pages change all the time, and what they show is private.
    response.headers.setdefault("Cache-Control", "no-store")
    return response
