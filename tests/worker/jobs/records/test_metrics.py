from tests.worker.store import submit
from worker.jobs.database import open_session
from worker.jobs.records import metrics
from worker.jobs.settings import Settings


def test_metrics_of_a_repeated_iteration_are_replaced(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        metrics.add(session, job.id, 20, {"loss": 0.5, "lr/group0": 0.1})
        metrics.add(session, job.id, 10, {"loss": 0.9})
    with open_session(store) as session:
        metrics.add(session, job.id, 20, {"loss": 0.25})
    with open_session(store) as session:
        assert metrics.list_metrics(session, job.id) == {"loss": [[10, 0.9], [20, 0.25]], "lr/group0": [[20, 0.1]]}
        assert metrics.list_metrics(session, job.id, ["loss"], after=10) == {"loss": [[20, 0.25]]}
