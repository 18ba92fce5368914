"""Signing in, by a password or by a link, and signing out."""

from flask import abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from web.access.proxy import client_address
from web.access.who import LOGIN, unauthorized
from web.context import current_identity, current_settings, reading, writing
from worker.jobs.accounts import login_links, sessions, users
from worker.jobs.accounts.failures import TooManyFailuresError
from worker.jobs.accounts.sign_in import WrongPasswordError
from worker.jobs.accounts.sign_in import sign_in as sign_in_by_password

_LINK_IS_OVER = "This link has been used, or is older than ten minutes."


def show_login() -> Response | str | tuple[str, int]:
    """Show the form; ?once= signs in at once, and ?next= is where to go then."""
    _require_forms()
    # HEAD is what programs send that look at links in advance.
    if request.method == "GET" and (link := request.args.get("once")):
        return _enter_by(link)
    if current_identity() is not None:
        return redirect(_next(request.args.get("next", "")))
    return _render("")


def sign_in() -> Response | tuple[str, int] | tuple[str, int, dict[str, str]]:
    """Sign in by name and password, or show the form again with what is wrong."""
    _require_forms()
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    try:
        secret = sign_in_by_password(current_settings(), name, password, client_address())
    except WrongPasswordError as error:
        return _render(str(error), name), 422
    except TooManyFailuresError as error:
        return _render(str(error), name), 429, {"Retry-After": str(error.seconds)}
    start_session(secret)
    return redirect(_next(request.form.get("next", "")), 303)


def sign_out() -> Response:
    """Sign this browser out."""
    if isinstance(secret := session.get(LOGIN), str):
        with writing() as database:
            sessions.end(database, secret)
    session.clear()
    return redirect(url_for("pages.show_login"), 303)


def start_session(secret: str) -> None:
    """Give the browser a cookie of its own, in which nothing is left of the one that it had before."""
    session.clear()
    session[LOGIN] = secret
    session.permanent = True


def _enter_by(link: str) -> Response | tuple[str, int]:
    with writing() as database:
        user = login_links.use(database, link) if current_settings().auth == "auto" else None
        secret = None if user is None else sessions.start(database, user.id)
    if secret is None:
        return _render(_LINK_IS_OVER), 422
    start_session(secret)
    return redirect(_next(request.args.get("next", "")))


def _require_forms() -> None:
    """Where nobody signs in here there is no form."""
    match current_settings().auth:
        case "off":
            abort(404, "Nobody is asked to sign in (DEEPLAB_AUTH=off).")
        case "proxy" if current_identity() is None:
            raise unauthorized("Sign in at the proxy in front of this dashboard.")


def _next(address: str) -> str:
    """Where to go: a path of this dashboard and nothing else, or the list of jobs."""
    is_path = address.startswith("/") and not address.startswith("//") and "\\" not in address
    is_plain = address.isprintable() and " " not in address
    return address if is_path and is_plain else url_for("pages.list_jobs")


def _render(error: str, name: str = "") -> str:
    with reading() as database:
        has_passwords = users.has_password(database)
    where_to = request.values.get("next", "")
    return render_template("login.html", error=error, name=name, next=where_to, has_passwords=has_passwords)
