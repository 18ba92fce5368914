"""Who asks: by a token, by the session of a browser, or by what a trusted proxy says."""

from contextlib import suppress

from flask import abort, request, session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from web.access.proxy import comes_from_proxy
from web.context import Identity, current_settings, reading, writing
from worker.jobs.accounts import sessions, tokens, users
from worker.jobs.accounts.roles import ADMIN, LOCAL
from worker.jobs.accounts.users import User
from worker.jobs.database import DatabaseError

LOGIN = "login"  # the key of the session's secret in the signed cookie


def find_identity() -> Identity | None:
    """Find out who asks; None: somebody who has not signed in. If there is a token, nothing else is looked at."""
    settings = current_settings()
    if settings.auth == "off":
        return Identity(None, "", ADMIN, "off")
    authorization = request.authorization
    if authorization is not None and authorization.type == "bearer":
        return _of_token(authorization.token or "")
    return _of_proxy() if settings.auth == "proxy" else _of_session()


def unauthorized(sentence: str, **parameters: str) -> Unauthorized:
    """The answer to somebody who has to sign in, or whose token is not valid."""
    challenge = WWWAuthenticate("bearer", {"realm": "deeplab", **parameters})
    return Unauthorized(sentence, www_authenticate=challenge)


def _of_token(secret: str) -> Identity:
    with reading() as database:
        bearer = tokens.find_bearer(database, secret)
    if bearer is None or not _is_admitted(bearer.user):
        raise unauthorized("This token is not valid.", error="invalid_token")
    if bearer.is_due:
        with suppress(DatabaseError), writing() as database:
            tokens.touch(database, bearer.token_id)
    return Identity(bearer.user.id, bearer.user.name, bearer.role, "token")


def _of_session() -> Identity | None:
    secret = session.get(LOGIN)
    if not isinstance(secret, str):
        return None
    with reading() as database:
        found = sessions.find_user(database, secret)
    if found is None or not _is_admitted(found[0]):
        return None
    user, is_due = found
    if is_due:
        with suppress(DatabaseError), writing() as database:
            sessions.touch(database, secret)
    return Identity(user.id, user.name, user.role, "session")


def _of_proxy() -> Identity | None:
    settings = current_settings()
    name = request.headers.get(settings.proxy_header, "")
    if not name or not comes_from_proxy():
        return None
    if not users.is_name(name) or name == LOCAL:
        abort(403, f"The proxy names the user {name[:100]!r}, which is no name of a user here.")
    with reading() as database:
        user = users.find(database, name)
    if user is None and settings.proxy_role:
        with writing() as database:
            user = users.ensure(database, name, settings.proxy_role)
    if user is None:
        abort(403, f"There is no user named {name!r} here; an admin can add one.")
    if user.disabled:
        abort(403, f"The user {name!r} is disabled.")
    return Identity(user.id, user.name, user.role, "proxy")


def _is_admitted(user: User) -> bool:
    """The built-in account is that of whoever started the platform on one machine; elsewhere it does not count."""
    return user.name != LOCAL or current_settings().auth == "auto"
