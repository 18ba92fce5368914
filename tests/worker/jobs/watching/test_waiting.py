from sqlalchemy import update

from tests.worker.store import FOREVER, submit, submit_and_claim
from worker.jobs import holds, jobs, leases, workers
from worker.jobs.accounts import users
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow, QueuePauseRow
from worker.jobs.watching.waiting import Obstacle, find_obstacle, find_place


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


def test_a_job_says_in_one_sentence_what_it_waits_for(store: Settings) -> None:
    settings = store.model_copy(update={"running_per_queue": 2, "running_per_user": 1})
    with open_session(store) as session:
        workers.register(session, "gpu@here", "gpu", "CPU")

        def sentence(job: Job, settings: Settings = store) -> str | None:
            obstacle = find_obstacle(session, settings, jobs.get(session, job.id))
            return None if obstacle is None else obstacle.sentence

        first, second = submit(session, store), submit(session, store)
        waiting = submit(session, store, after=[first.id, second.id])
        assert sentence(waiting) == f"It waits for jobs {first.id}, {second.id}."
        jobs.cancel(session, waiting.id)
        assert sentence(submit(session, store, not_before="2999-01-02T03:04+01:00")) == (
            "It does not start before 2999-01-02 02:04 UTC."
        )
        holds.pause(session, first.id)
        session.execute(update(JobRow).where(JobRow.id == first.id).values(held_at=0))
        session.expire_all()
        assert sentence(first) == "It is on hold since 1970-01-01 00:00 UTC."
        holds.pause_queue(session, "gpu", users.add(session, "ann", "operator", None).id)
        session.execute(update(QueuePauseRow).values(since=0))
        session.expire_all()
        assert sentence(second) == "The gpu queue is paused by ann since 1970-01-01 00:00 UTC."
        holds.resume_queue(session, "gpu")
        submit_and_claim(session, store)
        assert sentence(second, settings) == "1 of at most 1 job of the command line run in the gpu queue."
        submit_and_claim(session, store)
        assert sentence(second, settings) == "2 of at most 2 jobs of the gpu queue run."
        assert sentence(second) is None


def test_the_place_in_the_queue_counts_priority_and_those_alone_that_may_start(store: Settings) -> None:
    with open_session(store) as session:
        older, job, urgent = (submit(session, store, priority=priority) for priority in (0, 0, 1))
        submit(session, store, after=[older.id], priority=10)
        place = find_place(session, job)
        assert place is not None
        assert place.n_before == 2
        leases.claim(session, urgent.id, "a", FOREVER)
        place = find_place(session, job)
        assert place is not None
        assert place.n_before == 1
