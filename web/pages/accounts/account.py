"""One's own account: password, browsers that are signed in, and tokens."""

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from deeplab.errors import DeepLabError
from web.access.proxy import client_address
from web.access.who import LOGIN
from web.context import current_settings, reading, signed_in, writing
from web.pages.accounts.login import start_session
from worker.jobs.accounts import sessions, tokens, users
from worker.jobs.accounts.passwords import SHORTEST, PasswordRefusedError
from worker.jobs.accounts.roles import ROLES, allows
from worker.jobs.accounts.secret_text import hash_of
from worker.jobs.accounts.sign_in import WrongPasswordError
from worker.jobs.accounts.sign_in import change_password as change_checked_password
from worker.jobs.accounts.tokens import TokenRefusedError
from worker.jobs.catalog import parse_integer
from worker.jobs.database import read_clock

LIVES = (30, 90, 365)  # days that a token can be valid


def show_account() -> str:
    """Show who is signed in, where, and with which tokens."""
    return _render()


def change_password() -> Response | tuple[str, int]:
    """Change the password, which signs out everywhere else."""
    new = request.form.get("new", "")
    try:
        if new != request.form.get("again", ""):
            raise PasswordRefusedError("The new password was typed in two ways.")
        current = request.form.get("current", "")
        secret = change_checked_password(current_settings(), signed_in().name, current, new, client_address())
    except WrongPasswordError:
        return _render(errors={"current": "This is not your password."}), 422
    except PasswordRefusedError as error:
        return _render(errors={"new": str(error)}), 422
    start_session(secret)
    flash("Password changed. All other browsers are signed out.", "success")
    return redirect(url_for("pages.show_account"), 303)


def end_other_sessions() -> Response:
    """Sign out everywhere but here."""
    identity = signed_in()
    if identity.user_id is not None:
        with writing() as database:
            sessions.end_others(database, identity.user_id, _secret())
        flash("All other browsers are signed out.", "success")
    return redirect(url_for("pages.show_account"), 303)


def create_token() -> tuple[str, int]:
    """Create a token, and show it this once."""
    name, role = request.form.get("purpose", "").strip(), request.form.get("role", "")
    try:
        if role not in ROLES:
            raise TokenRefusedError(f"A role is one of {', '.join(ROLES)}, got {role!r}.")
        days = _read_days(request.form.get("days", ""))
        with writing() as database:
            secret = tokens.create(database, users.get(database, signed_in().name), name, role, days)
    except DeepLabError as error:
        return _render(errors={"purpose": str(error)}, purpose=name), 422
    return _render(new_token=secret), 201


def revoke_token(token_id: int) -> Response:
    """Make a token of one's own worthless."""
    with writing() as database:
        tokens.revoke(database, token_id, signed_in().name)
    flash("Token revoked.", "success")
    return redirect(url_for("pages.show_account"), 303)


def _read_days(text: str) -> int | None:
    """How long a token shall be valid; empty: for ever."""
    if not text:
        return None
    days = parse_integer(text)
    if days is None:
        raise TokenRefusedError(f"A token is valid for a number of days, got {text[:100]!r}.")
    return days


def _secret() -> str:
    secret = session.get(LOGIN)
    return secret if isinstance(secret, str) else ""


def _render(**values: Any) -> str:
    identity = signed_in()
    with reading() as database:
        user = users.find(database, identity.name)
        return render_template(
            "account.html",
            user=user,
            sessions=sessions.list_of(database, user.id) if user else [],
            here=hash_of(_secret()),
            tokens=tokens.list_tokens(database, identity.name) if user else [],
            roles=[role for role in ROLES if allows(identity.role, role)],
            lives=LIVES,
            shortest=SHORTEST,
            now=read_clock(database),
            **{"errors": {}, **values},
        )
