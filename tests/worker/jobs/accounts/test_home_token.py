import stat

import pytest

from deeplab.errors import OutputError
from worker.jobs import storage
from worker.jobs.accounts import tokens
from worker.jobs.accounts.home_token import ensure_home_token
from worker.jobs.accounts.roles import ADMIN, LOCAL
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


def ensured(settings: Settings) -> str:
    with open_session(settings) as session:
        ensure_home_token(session, settings)
    return storage.token_path(settings).read_text()


def test_the_token_of_a_home_signs_in_its_owner_and_stays(store: Settings) -> None:
    secret = ensured(store)
    assert stat.S_IMODE(storage.token_path(store).stat().st_mode) == 0o600
    assert ensured(store) == secret
    with open_session(store, reads_only=True) as session:
        bearer = tokens.find_bearer(session, secret)
        assert bearer is not None
        assert (bearer.user.name, bearer.role) == (LOCAL, ADMIN)
        assert len(tokens.list_tokens(session)) == 1


def test_a_token_that_was_revoked_is_replaced_by_another(store: Settings) -> None:
    revoked = ensured(store)
    with open_session(store) as session:
        (token,) = tokens.list_tokens(session, LOCAL)
        tokens.revoke(session, token.id)
    renewed = ensured(store)
    assert renewed != revoked
    with open_session(store, reads_only=True) as session:
        assert tokens.find_bearer(session, revoked) is None
        assert tokens.find_bearer(session, renewed) is not None
    assert stat.S_IMODE(storage.token_path(store).stat().st_mode) == 0o600


def test_a_token_that_cannot_be_written_is_named(sqlite_store: Settings) -> None:
    storage.token_path(sqlite_store).mkdir()
    with pytest.raises(OutputError, match="token: the token cannot be used: "):
        ensured(sqlite_store)
