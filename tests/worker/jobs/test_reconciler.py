"""The reconciler with a real broker."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from celery import Celery
from sqlalchemy import select, update

from tests.acceptance.platform import Platform
from tests.processes import wait_until
from tests.worker.store import FOREVER, OVER, submit, submit_and_claim
from worker.jobs import alarms, catalog, outbox, workers
from worker.jobs.broker.celery_app import celery_app
from worker.jobs.broker.queue import BrokerUnreachableError, publish
from worker.jobs.database import db_now, engine_for, open_session
from worker.jobs.jobs import Job
from worker.jobs.reconciler import Reconciler, reconcile
from worker.jobs.records import events
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow


@pytest.fixture
def platform(sqlite_store: Settings) -> Iterator[Platform]:
    with Platform(sqlite_store) as platform:
        yield platform


def submitted(settings: Settings) -> Job:
    with open_session(settings) as session:
        return submit(session, settings)


def take_messages(app: Celery) -> list[object]:
    """Arguments of the messages in the queue, which is empty afterwards."""
    taken: list[object] = []
    with app.connection_for_read() as connection, connection.SimpleQueue("gpu") as queue, suppress(queue.Empty):
        while message := queue.get(block=False):
            message.ack()
            arguments, keywords, _ = message.payload
            assert keywords == {}
            taken.append(arguments)
    return taken


def test_a_message_is_a_number_and_nothing_else(platform: Platform) -> None:
    job = submitted(platform.settings)
    publish(platform.settings, job)
    assert take_messages(celery_app(platform.settings)) == [[job.id]]
    with open_session(platform.settings) as session:
        assert outbox.list_new(session) == []


def test_what_was_never_published_is_published_once(platform: Platform) -> None:
    queued = [submitted(platform.settings).id for _ in range(3)]
    reconcile(platform.settings)
    reconcile(platform.settings)
    assert take_messages(celery_app(platform.settings)) == [[job_id] for job_id in queued]


def test_a_message_that_was_lost_is_sent_again(platform: Platform) -> None:
    job = submitted(platform.settings)
    reconcile(platform.settings)
    take_messages(celery_app(platform.settings))
    with open_session(platform.settings) as session:
        session.execute(update(JobRow).values(published_at=db_now() - 11))
    reconcile(platform.settings)
    assert take_messages(celery_app(platform.settings)) == [[job.id]]


def test_without_a_broker_a_job_stays_queued_until_it_is_back(platform: Platform) -> None:
    platform.stop_broker()
    job = submitted(platform.settings)
    with pytest.raises(BrokerUnreachableError, match="The broker cannot be reached"):
        publish(platform.settings, job)
    reconcile(platform.settings)
    assert platform.job(job.id).state == catalog.QUEUED
    with open_session(platform.settings) as session:
        [alarm] = alarms.list_fresh(session)
    assert alarm.startswith("The broker cannot be reached, or takes nothing: ")
    platform.start_broker()
    wait_until(lambda: not repaired(platform.settings), 10)  # it is left alone for some seconds
    assert take_messages(celery_app(platform.settings)) == [[job.id]]


def repaired(settings: Settings) -> list[str]:
    """What is still wrong after a pass."""
    reconcile(settings)
    with open_session(settings) as session:
        return list(alarms.list_fresh(session))


def test_a_job_of_a_dead_worker_is_queued_and_published(platform: Platform) -> None:
    with open_session(platform.settings) as session:
        dead = submit_and_claim(session, platform.settings, lease_seconds=OVER)
        alive = submit_and_claim(session, platform.settings, lease_seconds=FOREVER)
    reconcile(platform.settings)
    assert platform.job(dead.id).state == catalog.QUEUED
    assert platform.job(alive.id) == alive
    assert take_messages(celery_app(platform.settings)) == [[dead.id]]


def test_many_reconcilers_at_a_time_do_a_thing_once(platform: Platform) -> None:
    with open_session(platform.settings) as session:
        dead = [submit_and_claim(session, platform.settings, lease_seconds=OVER).id for _ in range(5)]
    threads = [threading.Thread(target=reconcile, args=(platform.settings,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job_id in dead:
        assert platform.attempts(platform.job(job_id)) == ["lost"]
        with open_session(platform.settings) as session:
            messages = [event.message for event in events.list_events(session, job_id)]
        assert messages.count("lost, back in the queue: the worker stopped responding.") == 1


def test_the_thread_goes_on_after_a_failure_and_shows_that_its_worker_is_alive(platform: Platform) -> None:
    settings = platform.settings.model_copy(update={"reconcile_seconds": 0.1})
    with open_session(settings) as session:
        worker_id = workers.register(session, "gpu@here", "gpu", "CPU")
    with engine_for(settings.database).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE job RENAME TO gone")
    reconciler = Reconciler(settings, worker_id)
    reconciler.start()
    with engine_for(settings.database).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO job")
    job = submitted(settings)

    def was_published() -> bool:
        with open_session(settings, reads_only=True) as session:
            return session.scalar(select(JobRow.publications).where(JobRow.id == job.id)) == 1

    wait_until(was_published, 10)
    reconciler.stop()
    with open_session(settings, reads_only=True) as session:
        [worker] = workers.list_workers(session)
        assert worker.alive
        assert worker.heartbeat_at > worker.started_at
