import pytest

from tests.worker.store import FOREVER, submit
from worker.jobs import leases
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.waiting_limit import QueueFullError, require_room


def test_jobs_that_wait_count_for_their_user_and_for_all(store: Settings) -> None:
    settings = store.model_copy(update={"waiting_per_user": 2, "waiting_jobs": 3})
    with open_session(store) as session:
        require_room(session, settings, None)
        first = submit(session, store)
        submit(session, store)
        require_room(session, settings, 7)
        with pytest.raises(QueueFullError, match="2 of your jobs wait already, and the limit is 2; cancel some"):
            require_room(session, settings, None)
        submit(session, store)
        with pytest.raises(QueueFullError, match="3 jobs wait already, and the limit of the platform is 3; try again"):
            require_room(session, settings, 7)
        leases.claim(session, first.id, "a", FOREVER)
        require_room(session, settings, 7)
