from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from tests.worker.jobs.accounts.people import PASSWORD, add_person
from worker.jobs.accounts import failures, sessions, users
from worker.jobs.accounts.failures import TooManyFailuresError
from worker.jobs.accounts.passwords import PasswordRefusedError
from worker.jobs.accounts.roles import OPERATOR
from worker.jobs.accounts.sign_in import WrongPasswordError, change_password, sign_in
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import LoginFailureRow

HERE = "192.0.2.1"


def add_otto(settings: Settings) -> None:
    with open_session(settings) as session:
        add_person(session, OPERATOR)


def fail(settings: Settings, name: str = "otto", address: str = HERE, times: int = 1) -> None:
    """Fail without the work of hashing."""
    with open_session(settings) as session:
        for _ in range(times):
            failures.begin(session, name, address)


def test_signs_in_by_the_right_password_alone(store: Settings) -> None:
    add_otto(store)
    secret = sign_in(store, "otto", PASSWORD, HERE)
    with open_session(store, reads_only=True) as session:
        found = sessions.find_user(session, secret)
        assert found is not None
        assert found[0].name == "otto"
    for name, password in (("otto", PASSWORD + "x"), ("otto", ""), ("nobody", PASSWORD), ("ot\0to", PASSWORD)):
        with pytest.raises(WrongPasswordError, match=r"^Wrong name or password\.$"):
            sign_in(store, name, password, HERE)


def test_who_is_disabled_or_has_no_password_cannot_sign_in(sqlite_store: Settings) -> None:
    add_otto(sqlite_store)
    with open_session(sqlite_store) as session:
        users.set_disabled(session, "otto", True)
        users.ensure_local(session)
    for name in ("otto", "local"):
        with pytest.raises(WrongPasswordError):
            sign_in(sqlite_store, name, PASSWORD, HERE)


def test_five_failures_shut_a_name_for_an_address_and_for_nobody_else(store: Settings) -> None:
    add_otto(store)
    fail(store, times=5)
    with pytest.raises(TooManyFailuresError, match=r"try again in 15 minutes\.") as refused:
        sign_in(store, "otto", PASSWORD, HERE)
    assert 880 < refused.value.seconds <= 900
    assert sign_in(store, "otto", PASSWORD, "192.0.2.2")
    with pytest.raises(WrongPasswordError):
        sign_in(store, "nobody", PASSWORD, HERE)


def test_names_that_nobody_can_have_count_together(sqlite_store: Settings) -> None:
    fail(sqlite_store, "", times=5)
    for name in ("", "a/b", "x" * 1000):
        with pytest.raises(TooManyFailuresError):
            sign_in(sqlite_store, name, PASSWORD, HERE)


def test_failures_are_forgotten_after_a_quarter_of_an_hour_and_by_a_success(store: Settings) -> None:
    add_otto(store)
    fail(store, times=5)
    with open_session(store) as session:
        session.execute(update(LoginFailureRow).values(at=LoginFailureRow.at - 901))
    assert sign_in(store, "otto", PASSWORD, HERE)
    fail(store, times=4)
    assert sign_in(store, "otto", PASSWORD, HERE)
    fail(store, times=5)  # they count from the start


def test_parallel_guesses_do_not_outrun_the_count(sqlite_store: Settings) -> None:
    add_otto(sqlite_store)
    fail(sqlite_store, times=2)

    def guess(number: int) -> type[Exception]:
        with pytest.raises((WrongPasswordError, TooManyFailuresError)) as raised:
            sign_in(sqlite_store, "otto", f"{PASSWORD}{number}", HERE)
        return raised.type

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(guess, range(6)))
    assert outcomes.count(WrongPasswordError) == 3


def test_a_new_password_ends_all_sessions_but_the_one_that_it_starts(store: Settings) -> None:
    add_otto(store)
    old = sign_in(store, "otto", PASSWORD, HERE)
    with pytest.raises(PasswordRefusedError):
        change_password(store, "otto", PASSWORD, "short", HERE)
    with pytest.raises(WrongPasswordError):
        change_password(store, "otto", "wrong", "a new long password", HERE)
    new = change_password(store, "otto", PASSWORD, "a new long password", HERE)
    with open_session(store, reads_only=True) as session:
        assert sessions.find_user(session, old) is None
        assert sessions.find_user(session, new) is not None
    assert sign_in(store, "otto", "a new long password", HERE)
    with pytest.raises(WrongPasswordError):
        sign_in(store, "otto", PASSWORD, HERE)


def test_guessing_the_current_password_is_limited_as_well(sqlite_store: Settings) -> None:
    add_otto(sqlite_store)
    fail(sqlite_store, times=5)
    with pytest.raises(TooManyFailuresError):
        change_password(sqlite_store, "otto", PASSWORD, "a new long password", HERE)
