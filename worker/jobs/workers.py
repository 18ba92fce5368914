"""The Celery workers that were ever started, for people to see: no job depends on these rows."""

import os
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from worker.jobs.database import db_now
from worker.jobs.tables import WorkerRow

_ALIVE_SECONDS = 30  # six missed heartbeats at the default pause of the reconciler, which sends them


@dataclass(frozen=True)
class Worker:
    """A Celery worker."""

    name: str
    queue: str  # the queue that it serves: gpu or cpu
    device: str  # what its children compute on, such as "NVIDIA H200" or "CPU (2 cores)"
    slots: int  # how many jobs it runs at a time
    pid: int
    started_at: float
    heartbeat_at: float
    alive: bool


def register(session: Session, name: str, queue: str, device: str, slots: int = 1) -> None:
    """Record that this process serves a queue from now on."""
    now = session.scalar(select(db_now()))
    session.merge(
        WorkerRow(
            name=name,
            queue=queue,
            device=device,
            slots=slots,
            pid=os.getpid(),
            started_at=now,
            heartbeat_at=now,
            stopped_at=None,
        )
    )


def heartbeat(session: Session, name: str) -> None:
    """Record that a worker is alive."""
    session.execute(update(WorkerRow).where(WorkerRow.name == name).values(heartbeat_at=db_now()))


def unregister(session: Session, name: str) -> None:
    """Record that a worker has stopped."""
    session.execute(update(WorkerRow).where(WorkerRow.name == name).values(stopped_at=db_now()))


def list_workers(session: Session) -> list[Worker]:
    """List all workers that were ever started, live ones first."""
    alive = (WorkerRow.stopped_at.is_(None)) & (WorkerRow.heartbeat_at > db_now() - _ALIVE_SECONDS)
    rows = session.execute(select(WorkerRow, alive.label("alive")).order_by(alive.desc(), WorkerRow.name))
    return [
        Worker(
            name=row.name,
            queue=row.queue,
            device=row.device,
            slots=row.slots,
            pid=row.pid,
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            alive=bool(is_alive),
        )
        for row, is_alive in rows
    ]
