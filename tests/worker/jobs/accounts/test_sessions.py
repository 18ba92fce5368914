from sqlalchemy import select, update

from tests.worker.jobs.accounts.people import add_person
from worker.jobs.accounts import sessions, users
from worker.jobs.accounts.roles import VIEWER
from worker.jobs.accounts.secret_text import hash_of
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import SessionRow


def test_a_session_is_found_by_its_secret_of_which_the_row_has_a_hash(store: Settings) -> None:
    with open_session(store) as session:
        user = add_person(session, VIEWER)
        secret = sessions.start(session, user.id)
        assert sessions.find_user(session, secret) == (user, False)
        assert sessions.find_user(session, "") is None
        assert sessions.find_user(session, secret[:-1]) is None
        row = session.scalars(select(SessionRow)).one()
        assert secret not in vars(row).values()
        assert sessions.find_user(session, row.hash) is None
        assert len(secret) >= 43  # 256 bits
        assert sessions.start(session, user.id) != secret


def test_a_session_ends_after_thirty_days_and_then_goes_away(store: Settings) -> None:
    with open_session(store) as session:
        user = add_person(session, VIEWER)
        secret = sessions.start(session, user.id)
        session.execute(update(SessionRow).values(expires_at=SessionRow.expires_at - sessions.LIFE_SECONDS - 1))
        assert sessions.find_user(session, secret) is None
        assert sessions.list_of(session, user.id) == []
        new = sessions.start(session, user.id)
        assert session.scalars(select(SessionRow.hash)).one() == hash_of(new)


def test_use_is_noted_now_and_then(store: Settings) -> None:
    with open_session(store) as session:
        user = add_person(session, VIEWER)
        secret = sessions.start(session, user.id)
        session.execute(update(SessionRow).values(seen_at=SessionRow.seen_at - 601))
        assert sessions.find_user(session, secret) == (user, True)
        sessions.touch(session, secret)
        assert sessions.find_user(session, secret) == (user, False)


def test_one_or_all_others_are_ended(store: Settings) -> None:
    with open_session(store) as session:
        user, other = add_person(session, VIEWER), add_person(session, VIEWER, "vivi")
        first, second, third = (sessions.start(session, user.id) for _ in range(3))
        theirs = sessions.start(session, other.id)
        sessions.end(session, first)
        assert sessions.find_user(session, first) is None
        sessions.end_others(session, user.id, second)
        assert sessions.find_user(session, third) is None
        assert [each.hash for each in sessions.list_of(session, user.id)] == [hash_of(second)]
        assert sessions.find_user(session, theirs) is not None


def test_a_disabled_user_has_no_session(store: Settings) -> None:
    with open_session(store) as session:
        user = add_person(session, VIEWER)
        users.set_disabled(session, user.name, True)
        secret = sessions.start(session, user.id)  # as a sign-in that was under way at that moment
        assert sessions.find_user(session, secret) is None
