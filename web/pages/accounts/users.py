"""The people who may use the dashboard, for admins."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.context import reading, signed_in, writing
from worker.jobs.accounts import tokens, users
from worker.jobs.accounts.passwords import SHORTEST, PasswordRefusedError, hash_password
from worker.jobs.accounts.roles import LOCAL, OPERATOR, ROLES
from worker.jobs.accounts.users import UserRefusedError
from worker.jobs.database import read_clock

_NOTHING: Mapping[str, str] = MappingProxyType({})


def list_users() -> str:
    """Show all users, and the form for another one."""
    return _render_list({"role": OPERATOR}, _NOTHING)


def add_user() -> Response | tuple[str, int]:
    """Add a user, or show the form again with errors beside the fields."""
    name, role, password = (request.form.get(field, "") for field in ("name", "role", "password"))
    name = name.strip()
    try:
        password_hash = hash_password(password) if password else None
        with writing() as session:
            users.add(session, name, role, password_hash)
    except PasswordRefusedError as error:
        return _render_list({"name": name, "role": role}, {"password": str(error)}), 422
    except UserRefusedError as error:
        return _render_list({"name": name, "role": role}, {"name": str(error)}), 422
    flash(f"{name} can sign in." if password else f"{name} is added, without a password.", "success")
    return redirect(url_for("pages.list_users"), 303)


def show_user(name: str) -> str:
    """Show a user, with what an admin may change, and the tokens."""
    return _render_user(name, _NOTHING)


def change_user(name: str) -> Response | tuple[str, int]:
    """Give a user another role or password, or lock them out or in, as `action` says."""
    action = request.form.get("action", "")
    try:
        if name == signed_in().name:
            raise UserRefusedError("This is your own account: another admin can change it.")
        done = _change(name, action)
    except (UserRefusedError, PasswordRefusedError) as error:
        return _render_user(name, {action: str(error)}), 422
    flash(done, "success")
    return redirect(url_for("pages.show_user", name=name), 303)


def revoke_user_token(name: str, token_id: int) -> Response:
    """Make a token of a user worthless."""
    with writing() as session:
        tokens.revoke(session, token_id, name)
    flash("Token revoked.", "success")
    return redirect(url_for("pages.show_user", name=name), 303)


def _change(name: str, action: str) -> str:
    """Do it, and return what to say."""
    if action not in ("role", "password", "disable", "enable"):
        abort(400, f"Unknown action {action!r}; expected role, password, disable or enable.")
    role, password = request.form.get("role", ""), request.form.get("password", "")
    password_hash = hash_password(password) if action == "password" else ""  # before the transaction
    with writing() as session:
        if action == "role":
            users.set_role(session, name, role)
            return f"{name} is {role} now, and has to sign in again."
        if action == "password":
            users.set_password(session, name, password_hash)
            return f"The password of {name} is changed."
        users.set_disabled(session, name, action == "disable")
        return f"{name} is {action}d."


def _render_list(values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    with reading() as session:
        found, now = users.list_users(session), read_clock(session)
    return render_template(
        "users.html", users=found, values=values, errors=errors, roles=ROLES, shortest=SHORTEST, now=now
    )


def _render_user(name: str, errors: Mapping[str, str]) -> str:
    with reading() as session:
        return render_template(
            "user.html",
            user=users.get(session, name),
            tokens=tokens.list_tokens(session, name),
            is_changeable=name not in (LOCAL, signed_in().name),
            errors=errors,
            roles=ROLES,
            shortest=SHORTEST,
            now=read_clock(session),
        )
