import pytest
from sqlalchemy import select, update

from tests.worker.jobs.accounts.people import add_person
from worker.jobs.accounts import tokens, users
from worker.jobs.accounts.roles import ADMIN, OPERATOR, ROLES, VIEWER
from worker.jobs.accounts.tokens import TokenNotFoundError, TokenRefusedError
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import TokenRow


def test_a_token_names_its_user_and_the_row_has_a_hash(store: Settings) -> None:
    with open_session(store) as session:
        user = add_person(session, OPERATOR)
        secret = tokens.create(session, user, " nightly ", VIEWER, days=None)
        assert secret.startswith("dlp_")
        assert len(secret) >= 4 + 43  # 256 bits
        bearer = tokens.find_bearer(session, secret)
        assert bearer is not None
        assert (bearer.user, bearer.role, bearer.is_due) == (user, VIEWER, True)
        row = session.scalars(select(TokenRow)).one()
        assert (row.name, row.expires_at) == ("nightly", None)
        assert secret not in vars(row).values()
        for wrong in ("", "dlp_", row.hash, secret.removeprefix("dlp_")):
            assert tokens.find_bearer(session, wrong) is None


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("least", ROLES)
def test_a_token_never_has_more_rights_than_its_user(sqlite_store: Settings, role: str, least: str) -> None:
    with open_session(sqlite_store) as session:
        user = add_person(session, role)
        if ROLES.index(least) > ROLES.index(role):
            with pytest.raises(TokenRefusedError, match=f"cannot be {least}: its user {user.name} is {role}"):
                tokens.create(session, user, "x", least, None)
        else:
            assert tokens.create(session, user, "x", least, None)


def test_a_user_who_loses_a_role_loses_it_in_tokens_and_a_disabled_one_everything(store: Settings) -> None:
    with open_session(store) as session:
        secret = tokens.create(session, add_person(session, ADMIN), "x", ADMIN, None)
        users.set_role(session, "ada", VIEWER)
        bearer = tokens.find_bearer(session, secret)
        assert bearer is not None
        assert bearer.role == VIEWER
        users.set_disabled(session, "ada", True)
        assert tokens.find_bearer(session, secret) is None


def test_a_token_runs_out(store: Settings) -> None:
    with open_session(store) as session:
        secret = tokens.create(session, add_person(session, VIEWER), "x", VIEWER, days=30)
        assert tokens.find_bearer(session, secret) is not None
        session.execute(update(TokenRow).values(expires_at=TokenRow.expires_at - 30 * 86400 - 1))
        assert tokens.find_bearer(session, secret) is None


def test_use_is_noted_now_and_then(store: Settings) -> None:
    with open_session(store) as session:
        secret = tokens.create(session, add_person(session, VIEWER), "x", VIEWER, None)
        (token,) = tokens.list_tokens(session)
        assert token.used_at is None
        tokens.touch(session, token.id)
        bearer = tokens.find_bearer(session, secret)
        assert bearer is not None
        assert not bearer.is_due
        (token,) = tokens.list_tokens(session)
        assert token.used_at is not None


def test_a_token_is_revoked_by_its_user_or_an_admin(store: Settings) -> None:
    with open_session(store) as session:
        secret = tokens.create(session, add_person(session, VIEWER), "x", VIEWER, None)
        add_person(session, OPERATOR)
        (token,) = tokens.list_tokens(session, "vera")
        with pytest.raises(TokenNotFoundError, match=f"There is no token {token.id} of otto"):
            tokens.revoke(session, token.id, "otto")
        assert tokens.find_bearer(session, secret) is not None
        tokens.revoke(session, token.id, "vera")
        assert tokens.find_bearer(session, secret) is None
        with pytest.raises(TokenNotFoundError, match="There is no token"):
            tokens.revoke(session, token.id)


@pytest.mark.parametrize(("name", "days"), [("", None), ("a\nb", None), ("x" * 101, None), ("x", 0), ("x", 3651)])
def test_a_token_without_a_name_or_of_a_strange_life_is_refused(
    sqlite_store: Settings, name: str, days: int | None
) -> None:
    with open_session(sqlite_store) as session, pytest.raises(TokenRefusedError):
        tokens.create(session, add_person(session, VIEWER), name, VIEWER, days)
