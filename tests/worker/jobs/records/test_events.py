from tests.worker.store import submit
from worker.jobs.database import open_session
from worker.jobs.records import events
from worker.jobs.settings import Settings


def test_events_come_in_order(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for message in ("first", "second"):
            events.add(session, job.id, 4, message)
        told = events.list_events(session, job.id)
        assert [(each.message, each.fence) for each in told] == [("submitted", 0), ("first", 4), ("second", 4)]
        assert told[0].at <= told[1].at <= told[2].at
