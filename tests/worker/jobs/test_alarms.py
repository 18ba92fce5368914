from sqlalchemy import update

from worker.jobs import alarms
from worker.jobs.database import db_now, open_session
from worker.jobs.settings import Settings
from worker.jobs.tables import AlarmRow


def test_an_alarm_is_shown_while_it_is_reported(store: Settings) -> None:
    with open_session(store) as session:
        assert not alarms.is_reported(session, alarms.BROKER)
        alarms.report(session, alarms.BROKER, "It is full.")
        alarms.report(session, alarms.BROKER, "It is fuller.")
        assert alarms.list_fresh(session) == ["It is fuller."]
        session.execute(update(AlarmRow).values(at=db_now() - 100))
        assert alarms.list_fresh(session) == []  # who reported it has died
        alarms.report(session, alarms.BROKER, "It is full.")
        alarms.report(session, alarms.BROKER, None)
        assert alarms.list_fresh(session) == []
        assert not alarms.is_reported(session, alarms.BROKER)
