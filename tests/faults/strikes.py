"""What is done to a platform: processes are killed, a database or a broker fails for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from redis import Redis
from sqlalchemy import create_engine, make_url, text

from tests.faults.scene import Scene, kill
from tests.processes import family_of
from worker.jobs.broker import connection
from worker.jobs.database import engine_for, open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

Choose = Callable[[Scene, Job], list[psutil.Process]]


def child(scene: Scene, job: Job) -> list[psutil.Process]:
    return scene.children(job)[:1]


def pool_process(scene: Scene, job: Job) -> list[psutil.Process]:
    return [parent for each in scene.children(job)[:1] if (parent := each.parent()) is not None]


def main_process(scene: Scene, job: Job) -> list[psutil.Process]:
    return [parent for each in pool_process(scene, job) if (parent := each.parent()) is not None]


def everything(scene: Scene, _job: Job) -> list[psutil.Process]:
    assert scene.broker is not None
    return [*scene.processes(), psutil.Process(scene.broker.pid)]


def strike(scene: Scene, job: Job, choose: Choose) -> None:
    """Kill what is chosen, if the job has not ended in the meantime, and start again what that has ended."""
    with suppress(psutil.NoSuchProcess):
        kill(choose(scene, job))
    for name, worker in scene.workers.items():
        if name in str(scene.job(job.id).owner) and choose is main_process:
            worker.wait(30)
    scene.mend()


def connected(settings: Settings) -> Redis:
    """A connection to the broker, past everything that the platform makes of it."""
    return Redis(unix_socket_path=str(connection.socket_path(settings)), password=connection.password(settings))


def silence_database(settings: Settings, seconds: float) -> None:
    """SIGSTOP of PostgreSQL, or a lock on SQLite that somebody holds."""
    if settings.embedded_database is not None:
        with open_session(settings) as session:  # holds the turn of the writers, too
            session.execute(text("UPDATE job SET fence = fence WHERE id = 0"))
            time.sleep(seconds)
        return
    with open_session(settings, reads_only=True) as session:
        folder = session.scalar(text("SHOW data_directory"))
    stopped = family_of(int(Path(str(folder), "postmaster.pid").read_text("utf-8").split()[0]))
    with suspended(stopped):
        time.sleep(seconds)


def refuse_connections(settings: Settings, seconds: float) -> None:
    """End all connections to a database of PostgreSQL, as a server that stops does, and let in nobody for a while."""
    url = make_url(settings.database)
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    allow = f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS'
    engine_for(settings.database).dispose()
    with server.connect() as session:
        session.execute(text(f"{allow} false"))
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        session.execute(text(ended), {"name": url.database})
        time.sleep(seconds)
        session.execute(text(f"{allow} true"))
    server.dispose()


@contextmanager
def suspended(processes: list[psutil.Process]) -> Iterator[None]:
    """Stop processes (SIGSTOP) within the block; those that have ended meanwhile are none of our business."""
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.suspend()
    try:
        yield
    finally:
        for each in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                each.resume()
