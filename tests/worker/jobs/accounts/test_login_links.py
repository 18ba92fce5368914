from sqlalchemy import update

from tests.worker.jobs.accounts.people import add_person
from worker.jobs.accounts import login_links, users
from worker.jobs.accounts.roles import ADMIN
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import LoginLinkRow


def test_a_link_works_once(store: Settings) -> None:
    with open_session(store) as session:
        local = users.ensure_local(session)
        first, second = login_links.create(session, local), login_links.create(session, local)
        assert login_links.use(session, first) == local
        assert login_links.use(session, first) is None
        assert login_links.use(session, "") is None
        assert login_links.use(session, second) == local


def test_a_link_runs_out_after_ten_minutes(store: Settings) -> None:
    with open_session(store) as session:
        link = login_links.create(session, users.ensure_local(session))
        session.execute(update(LoginLinkRow).values(expires_at=LoginLinkRow.expires_at - 601))
        assert login_links.use(session, link) is None


def test_a_link_of_somebody_who_is_disabled_is_worth_nothing(store: Settings) -> None:
    with open_session(store) as session:
        user = add_person(session, ADMIN)
        users.set_disabled(session, user.name, True)
        assert login_links.use(session, login_links.create(session, user)) is None
