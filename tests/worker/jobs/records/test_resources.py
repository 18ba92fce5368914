from tests.worker.store import submit
from worker.jobs.database import open_session
from worker.jobs.records import metrics, resources
from worker.jobs.settings import Settings


def test_the_pause_doubles_so_that_there_never_are_many_values() -> None:
    assert [resources.pause_at(seconds) for seconds in (0, 3600, 3601, 7200, 7201, 86400)] == [5, 5, 10, 10, 20, 160]
    assert all(seconds / resources.pause_at(seconds) <= resources.MOST for seconds in range(0, 10**7, 997))


def test_values_are_kept_at_even_times(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for seconds in (2.1, 5.0, 11.9, 15.2, 20.0):
            resources.add(session, job.id, seconds, {"cpu": seconds, "memory": 1.0})
        metrics.add(session, job.id, 15, {"loss": 0.5})
        session.flush()
        cpu = {"resource/cpu": [[0, 2.1], [5, 5.0], [10, 11.9], [15, 15.2], [20, 20.0]]}
        assert metrics.list_metrics(session, job.id, ["resource/cpu"]) == cpu
        resources.thin(session, job.id, 10)
        cpu = {"resource/cpu": [[0, 2.1], [10, 11.9], [20, 20.0]]}
        assert metrics.list_metrics(session, job.id, ["resource/cpu"]) == cpu
        assert metrics.list_metrics(session, job.id) == {"loss": [[15, 0.5]]}
        assert metrics.list_metrics(session, job.id, max_points=100) == {"loss": [[15, 0.5]]}
        resources.add(session, job.id, 7000.0, {"cpu": 3.0})
        assert metrics.list_metrics(session, job.id, ["resource/cpu"], after=20) == {"resource/cpu": [[7000, 3.0]]}
