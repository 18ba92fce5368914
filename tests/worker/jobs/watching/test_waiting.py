from tests.worker.store import submit, submit_and_claim
from worker.jobs import workers
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.watching.waiting import Obstacle, find_obstacle


def test_a_job_without_a_worker_waits_for_one(store: Settings) -> None:
    with open_session(store) as session:
        workers.register(session, "cpu@here", "cpu", "CPU")
        job = submit(session, store)
        obstacle = Obstacle("No live worker serves the gpu queue.", "deeplab worker start --queue gpu")
        assert find_obstacle(session, store, job) == obstacle
        assert str(obstacle) == "No live worker serves the gpu queue. Start one: deeplab worker start --queue gpu"
        worker = workers.register(session, "gpu@here", "gpu", "CPU")
        assert find_obstacle(session, store, job) is None
        workers.unregister(session, worker)
        assert find_obstacle(session, store, submit_and_claim(session, store)) is None  # it runs


def test_a_job_for_several_gpus_waits_for_a_worker_that_has_as_many(store: Settings) -> None:
    with open_session(store) as session:
        workers.register(session, "gpu@small", "gpu", "2 x NVIDIA H200", 2, 2)
        job = submit(session, store, gpus=4, overrides="SOLVER.BATCH_SIZE.TRAIN=4")
        obstacle = find_obstacle(session, store, job)
        assert str(obstacle) == "It asks for 4 GPUs; no live worker has as many (at most 2)."
        workers.register(session, "gpu@large", "gpu", "8 x NVIDIA H200", 8, 8)
        assert find_obstacle(session, store, job) is None
