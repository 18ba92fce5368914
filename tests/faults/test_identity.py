"""Processes of workers: a row each, and those that this machine knows to be dead hold nothing any more."""

import os
import subprocess
import sys

from sqlalchemy import update

from tests.worker.store import FOREVER, plan_shards, submit, submit_segment
from worker.jobs import catalog, jobs, leases, reconciler, shards, workers
from worker.jobs.database import open_session
from worker.jobs.processes import is_dead, process_table, start_of
from worker.jobs.settings import Settings
from worker.jobs.tables import WorkerRow


def dead_process() -> tuple[int, int]:
    """The pid and the start of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = start_of(process.pid)
    assert start is not None
    assert not is_dead(process_table(), process.pid, start)
    process.communicate(b"\n")
    return process.pid, start


def test_a_process_is_named_by_pid_and_start() -> None:
    pid, start = dead_process()
    assert is_dead(process_table(), pid, start)
    own = start_of(os.getpid())
    assert own is not None
    assert is_dead(process_table(), os.getpid(), own - 1)  # an earlier process of this pid
    assert not is_dead("another machine", pid, start)
    assert not is_dead(None, pid, start)


def test_a_second_worker_of_a_name_leaves_the_first_alone(store: Settings) -> None:
    with open_session(store) as session:
        first, second = (workers.register(session, "gpu@here", "gpu", "CPU") for _ in range(2))
        workers.unregister(session, second)
        assert [(each.id, each.alive) for each in workers.list_workers(session)] == [(first, True), (second, False)]


def test_what_a_dead_worker_held_is_free_at_once(store: Settings) -> None:
    pid, start = dead_process()
    with open_session(store) as session:
        worker = workers.register(session, "gpu@here", "gpu", "CPU")
        session.execute(update(WorkerRow).values(pid=pid, process_start=start))
        owner = workers.owner_name("gpu@here", worker, pid)
        job, cancelled, elsewhere = (submit(session, store) for _ in range(3))
        for each in (job, cancelled):
            leases.claim(session, each.id, owner, FOREVER)
        leases.claim(session, elsewhere.id, workers.owner_name("gpu@there", worker + 1, pid), FOREVER)
        jobs.cancel(session, cancelled.id)
        shared = submit_segment(session, store)
        leases.claim(session, shared.id, "somebody", FOREVER)
        plan_shards(session, shared.id, 6, 6)
        assert shards.claim(session, shared.id, owner, FOREVER) is not None
    reconciler.take_back(store)
    with open_session(store) as session:
        now = {each: jobs.get(session, each).state for each in (job.id, cancelled.id, elsewhere.id, shared.id)}
        assert list(now.values()) == [catalog.QUEUED, catalog.CANCELLED, catalog.RUNNING, catalog.RUNNING]
        assert shards.has_free(session, shared.id)
        assert [each.outcome for each in jobs.list_attempts(session, job.id)] == ["lost"]
        assert [each.alive for each in workers.list_workers(session)] == [False]


def test_what_a_dead_pool_process_held_is_free_at_once_though_its_worker_lives(store: Settings) -> None:
    pid, _ = dead_process()
    with open_session(store) as session:
        worker = workers.register(session, "gpu@here", "gpu", "CPU")
        shared = submit_segment(session, store)
        leases.claim(session, shared.id, "somebody", FOREVER)
        plan_shards(session, shared.id, 12, 6)
        for owner in (workers.owner_name("gpu@here", worker, pid), workers.owner_name("gpu@here", worker, os.getpid())):
            assert shards.claim(session, shared.id, owner, FOREVER) is not None
        assert not shards.has_free(session, shared.id)
    reconciler.take_back(store)
    with open_session(store) as session:
        assert [each.alive for each in workers.list_workers(session)] == [True]
        freed = shards.claim(session, shared.id, "another", FOREVER)
        assert freed is not None
        assert freed.number == 0
        assert not shards.has_free(session, shared.id)
