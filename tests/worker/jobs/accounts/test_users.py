from collections.abc import Callable

import pytest

from tests.worker.jobs.accounts.people import add_person
from worker.jobs.accounts import login_links, sessions, users
from worker.jobs.accounts.roles import ADMIN, LOCAL, OPERATOR, VIEWER
from worker.jobs.accounts.users import UserNotFoundError, UserRefusedError
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


def test_a_user_is_added_found_and_listed(store: Settings) -> None:
    with open_session(store) as session:
        added = users.add(session, "anna@example.org", OPERATOR, None)
    with open_session(store, reads_only=True) as session:
        assert users.get(session, "anna@example.org") == added
        assert (added.role, added.has_password, added.disabled) == (OPERATOR, False, False)
        assert users.list_users(session) == [added]
        assert users.find(session, "Anna@example.org") is None
        with pytest.raises(UserNotFoundError, match="There is no user named 'bea'"):
            users.get(session, "bea")


@pytest.mark.parametrize("name", ["", " anna", "an/na", "anna,ada", ".anna", "a" * 65, "anna\n", "änna", "a\0"])
def test_a_malformed_name_is_refused(sqlite_store: Settings, name: str) -> None:
    with open_session(sqlite_store) as session, pytest.raises(UserRefusedError, match="A name consists of"):
        users.add(session, name, VIEWER, None)


def test_a_name_is_given_once_and_a_role_is_known(store: Settings) -> None:
    with open_session(store) as session:
        users.add(session, "anna", VIEWER, None)
        with pytest.raises(UserRefusedError, match="already a user named 'anna'"):
            users.add(session, "anna", ADMIN, None)
        with pytest.raises(UserRefusedError, match="one of viewer, operator, admin, got 'root'"):
            users.add(session, "bea", "root", None)


def test_ensure_adds_a_user_once(store: Settings) -> None:
    with open_session(store) as session:
        first = users.ensure(session, "anna", VIEWER)
        assert users.ensure(session, "anna", ADMIN) == first


def test_the_built_in_account_cannot_be_changed_or_taken(store: Settings) -> None:
    with open_session(store) as session:
        local = users.ensure_local(session)
        assert (local.name, local.role, local.has_password) == (LOCAL, ADMIN, False)
        for change in (
            lambda: users.add(session, LOCAL, ADMIN, "x"),
            lambda: users.set_password(session, LOCAL, "x"),
            lambda: users.set_role(session, LOCAL, VIEWER),
            lambda: users.set_disabled(session, LOCAL, True),
        ):
            with pytest.raises(UserRefusedError, match="built-in account"):
                change()


def test_an_admin_who_can_sign_in_is_enabled_has_a_password_and_is_not_built_in(store: Settings) -> None:
    with open_session(store) as session:
        users.ensure_local(session)
        users.add(session, "proxied", ADMIN, None)
        add_person(session, OPERATOR)
        assert not users.has_admin(session, with_password=True)
        assert users.has_admin(session, with_password=False)
        add_person(session, ADMIN)
        assert users.has_admin(session, with_password=True)
        users.set_disabled(session, "ada", True)
        assert not users.has_admin(session, with_password=True)


def test_a_change_of_password_role_or_lock_ends_all_sessions_and_links(store: Settings) -> None:
    with open_session(store) as session:
        user, other = add_person(session, OPERATOR), add_person(session, VIEWER)
        kept = sessions.start(session, other.id)
        changes: list[Callable[[], None]] = [
            lambda: users.set_password(session, "otto", "x"),
            lambda: users.set_role(session, "otto", OPERATOR),
            lambda: users.set_disabled(session, "otto", False),
        ]
        for change in changes:
            secrets = [sessions.start(session, user.id) for _ in range(2)]
            link = login_links.create(session, user)
            change()
            assert [sessions.find_user(session, secret) for secret in secrets] == [None, None]
            assert login_links.use(session, link) is None
        assert sessions.find_user(session, kept) is not None
