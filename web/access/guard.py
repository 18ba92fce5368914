"""Which requests are answered, and what a browser may do with the pages.

A dashboard on 127.0.0.1 is reachable by every page that its user visits: by DNS rebinding (hence the check of the host
name), by forms that foreign pages send (hence the check of the origin, the CSRF token of our forms and, for the API,
the content type), and by frames. Then it matters who asks, and whether they may.
"""

from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from web.access.permissions import ACCESS, ANYONE, may
from web.access.who import find_identity, unauthorized
from web.context import current_alarms, current_identity, current_settings
from worker.jobs.accounts.roles import VIEWER, allows

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
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
    app.before_request(_identify)
    app.before_request(_refuse_without_role)
    app.after_request(_add_headers)
    app.add_template_global(may)
    app.context_processor(
        lambda: {"identity": current_identity(), "auth": current_settings().auth, "alarms": current_alarms}
    )


def _refuse_foreign_host() -> None:
    if _is_probe():
        return
    settings = current_settings()
    own_names = {name.strip("[]").lower() for name in (settings.host, *settings.allowed_hosts)}
    if "Host" not in request.headers and request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        abort(400, "The request names no host; expected a Host header.")
    name = _host_name(_authority() or request.host)
    if name not in _LOCAL_NAMES | own_names:
        abort(400, f"Host {name!r} is not allowed; add it to DEEPLAB_ALLOWED_HOSTS.")


def _is_probe() -> bool:
    """Whether a machine asks, which knows a container's address and not its name, for what no foreign page can get."""
    if request.blueprint != "probes":
        return False
    return ACCESS[request.endpoint or ""] == ANYONE or request.authorization is not None


def _authority() -> str:
    """The host that a request to a whole URL, as proxies get them, names; it goes before the header."""
    target: str = request.environ.get("REQUEST_URI", "")
    return "" if target.startswith("/") else target.partition("://")[2].partition("/")[0]


def _host_name(host: str) -> str:
    """Strip port and brackets from a Host header; empty if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as a malformed IPv6 address
        return ""


def _refuse_foreign_origin() -> None:
    """Refuse what a page of another origin sends. Browsers always send these headers; programs send neither."""
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}"):
        abort(403, f"Requests from {origin} are not allowed.")
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        abort(403, "Requests from other sites are not allowed.")


def _identify() -> None:
    # Files are the same for everybody; and whether this process lives must not depend on the database.
    if request.endpoint not in {"static", "probes.healthz", "probes.readyz"}:
        g.identity = find_identity()


def _refuse_without_role() -> AnyResponse | None:
    # What exists is not said to those who may not see it: an unknown address takes a role, too.
    least = VIEWER if request.endpoint is None else ACCESS.get(request.endpoint)
    if least is None:
        abort(403, "Nobody may use this address.")
    if least == ANYONE:
        return None
    identity = current_identity()
    if identity is None:
        return _ask_to_sign_in()
    if not allows(identity.role, least):
        abort(403, f"This takes the role {least}; yours is {identity.role}.")
    if identity.via == "token" and request.blueprint == "pages" and request.method not in _SAFE_METHODS:
        abort(403, "With a token, use the API: the forms of pages are for people who have signed in.")
    return None


def _ask_to_sign_in() -> AnyResponse:
    if request.blueprint in {"api", "probes"} or request.path.startswith("/api/"):
        raise unauthorized("Sign in: send a token as 'Authorization: Bearer dlp_...'.")
    if current_settings().auth == "proxy":
        raise unauthorized("Sign in at the proxy in front of this dashboard.")
    if request.headers.get("HX-Request"):  # a part of a page, which shall not become the form
        return Response(status=401, headers={"HX-Refresh": "true"})
    if request.method not in _SAFE_METHODS:
        return redirect(url_for("pages.show_login"), 303)
    query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
    here = f"{request.script_root}{quote(request.path)}{query}"
    return redirect(url_for("pages.show_login", next=None if request.path == "/" else here))


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    # Pages change all the time, and what they show is private.
    response.headers.setdefault("Cache-Control", "no-store")
    return response
