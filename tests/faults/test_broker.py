"""A broker that answers, but takes nothing for a while: the worker outlives it, and people are told."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from tests.acceptance.platform import Platform
from tests.faults.conftest import fresh_settings
from tests.faults.scene import Scene
from tests.faults.strikes import connected
from tests.processes import wait_until
from tests.worker.store import submit
from worker.jobs import alarms, catalog, workers
from worker.jobs.broker import connection
from worker.jobs.broker.queue import count_messages, publish, try_publish
from worker.jobs.database import open_session
from worker.jobs.reconciler import reconcile
from worker.jobs.settings import Settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

Mend = Callable[[], object]


def out_of_memory(broker: Redis, _settings: Settings) -> Mend:
    broker.config_set("maxmemory", 1000)
    return lambda: broker.config_set("maxmemory", 0)


def read_only(broker: Redis, _settings: Settings) -> Mend:
    broker.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]  # as redis has it
    return lambda: broker.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]


def disk_full(broker: Redis, settings: Settings) -> Mend:
    """As good as: the file that it saves to is a folder."""
    broker.config_set("save", "3600 1")
    obstacle = settings.home / "valkey" / "dump.rdb"
    (obstacle / "full").mkdir(parents=True)
    with suppress(ResponseError):
        broker.bgsave()
    wait_until(lambda: broker.info("persistence")["rdb_last_bgsave_status"] == "err", 20)

    def mend() -> None:
        shutil.rmtree(obstacle)
        broker.bgsave()

    return mend


def another_password(broker: Redis, settings: Settings) -> Mend:
    broker.config_set("requirepass", "another")
    broker.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]
    return lambda: broker.config_set("requirepass", connection.password(settings))


FAULTS = [
    read_only,
    disk_full,
    pytest.param(out_of_memory, marks=pytest.mark.faults),
    pytest.param(another_password, marks=pytest.mark.faults),
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.faults)])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    """A platform that a trial has for itself."""
    with Platform(fresh_settings(request, tmp_path / "home", request.param)) as platform:
        yield platform


@pytest.mark.parametrize("break_", FAULTS)
def test_a_worker_outlives_a_broker_that_takes_nothing(
    own: Platform, sample: Path, weights: Path, break_: Callable[[Redis, Settings], Mend], rng: random.Random
) -> None:
    worker = own.start_worker("gpu")
    own.wait_for_workers(1)
    with connected(own.settings) as broker:
        mend = break_(broker, own.settings)
        try:
            wait_until(lambda: bool(fresh_alarms(own.settings)), 30)
            job = own.submit("evaluate", checkpoint=str(weights), config=str(sample / "config.yaml"))
            for _ in range(rng.randint(1, 3)):
                last = heartbeat(own.settings)
                wait_until(lambda last=last: heartbeat(own.settings) > last, 30)  # type: ignore[misc]
            assert worker.poll() is None
        finally:
            mend()  # else it does not even stop
        wait_until(lambda: not fresh_alarms(own.settings), 30)
    assert own.wait(job).state == catalog.SUCCEEDED
    assert own.attempts(job) == ["succeeded"]


def fresh_alarms(settings: Settings) -> list[str]:
    with open_session(settings, reads_only=True) as session:
        return list(alarms.list_fresh(session))


def is_mended(settings: Settings) -> bool:
    reconcile(settings)
    return not fresh_alarms(settings)


def heartbeat(settings: Settings) -> float:
    with open_session(settings, reads_only=True) as session:
        return max(each.heartbeat_at for each in workers.list_workers(session))


def test_messages_are_bounded_while_the_broker_does_not_answer(own: Platform, rng: random.Random) -> None:
    assert own.broker is not None
    n_jobs = rng.randint(5, 20)
    with open_session(own.settings) as session:
        queued = [submit(session, own.settings) for _ in range(n_jobs)]
    os.kill(own.broker.pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            assert try_publish(own.settings, queued[0]) is not None
            reconcile(own.settings)
    finally:
        os.kill(own.broker.pid, signal.SIGCONT)
    wait_until(lambda: is_mended(own.settings), 20)
    for _ in range(3):
        reconcile(own.settings)
    assert n_jobs <= count_messages(own.settings, "gpu", 1) <= 2 * n_jobs


@pytest.mark.faults
def test_ten_equal_messages_at_once_are_one_execution(scene: Scene) -> None:
    job = scene.evaluate()
    for _ in range(10):
        publish(scene.settings, job)
    assert scene.until_ended(job).state == catalog.SUCCEEDED
    assert scene.attempts(job) == ["succeeded"]


@pytest.mark.faults
def test_a_broker_that_forgets_everything_costs_time_and_nothing_else(scene: Scene, rng: random.Random) -> None:
    submitted = [scene.evaluate() for _ in range(4)]
    for _ in range(rng.randint(1, 3)):
        with connected(scene.settings) as broker:
            broker.flushall()
        time.sleep(rng.uniform(0, 2))
    assert [scene.until_ended(job).state for job in submitted] == [catalog.SUCCEEDED] * 4


@pytest.mark.faults
def test_a_broker_that_is_killed_again_and_again_costs_time_and_nothing_else(scene: Scene, rng: random.Random) -> None:
    submitted = [scene.evaluate() for _ in range(4)]
    for _ in range(20):
        assert scene.broker is not None
        scene.broker.kill()
        scene.broker.wait()
        time.sleep(rng.uniform(0, 0.5))
        scene.start_broker()
        time.sleep(rng.uniform(0, 0.5))
    assert [scene.until_ended(job).state for job in submitted] == [catalog.SUCCEEDED] * 4
    assert all(each.poll() is None for each in scene.workers.values())
