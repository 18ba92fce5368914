"""The Celery workers that were ever started, for people to see: no job depends on these rows."""

import os
import socket
from dataclasses import dataclass
from itertools import chain, count

import psutil
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from worker.jobs.database import db_now, read_clock
from worker.jobs.tables import WorkerRow

_ALIVE_SECONDS = 30  # six missed heartbeats at the default pause of the reconciler, which sends them


@dataclass(frozen=True)
class Worker:
    """A Celery worker."""

    name: str
    queue: str  # the queue that it serves: gpu or cpu
    device: str  # what its children compute on, such as "NVIDIA H200" or "CPU (2 cores)"
    slots: int  # how many jobs it runs at a time
    gpus: int  # how many GPUs one job can have; 0 if it has none
    pid: int
    started_at: float
    heartbeat_at: float
    alive: bool


class WorkerNameTakenError(DeepLabError):
    """A live worker has that name."""


def choose_name(session: Session, queue: str) -> str:
    """Choose a name that no live worker has: "gpu@host", then "gpu-2@host" for a second one on this machine."""
    host = socket.gethostname()
    names = (f"{queue}{suffix}@{host}" for suffix in chain([""], (f"-{number}" for number in count(2))))
    return next(name for name in names if not _is_taken(session, name))


def check_name(session: Session, name: str) -> None:
    """Check that no live worker on this machine has a name.

    Raises:
        WorkerNameTakenError: if one has it.
    """
    if _is_taken(session, name):
        raise WorkerNameTakenError(f"A worker named {name} is running on this machine; choose another --name.")


def _is_taken(session: Session, name: str) -> bool:
    """Whether a live worker has a name. One that was killed just now looks alive, but for its process."""
    pid = session.scalar(select(WorkerRow.pid).where(WorkerRow.name == name, _is_alive()))
    return pid is not None and pid != os.getpid() and psutil.pid_exists(pid)


def register(session: Session, name: str, queue: str, device: str, slots: int = 1, gpus: int = 0) -> None:
    """Record that this process serves a queue from now on."""
    now = read_clock(session)
    session.merge(
        WorkerRow(
            name=name,
            queue=queue,
            device=device,
            slots=slots,
            gpus=gpus,
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
    alive = _is_alive()
    rows = session.execute(select(WorkerRow, alive.label("alive")).order_by(alive.desc(), WorkerRow.name))
    return [
        Worker(
            name=row.name,
            queue=row.queue,
            device=row.device,
            slots=row.slots,
            gpus=row.gpus,
            pid=row.pid,
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            alive=bool(is_alive),
        )
        for row, is_alive in rows
    ]


def _is_alive() -> ColumnElement[bool]:
    return (WorkerRow.stopped_at.is_(None)) & (WorkerRow.heartbeat_at > db_now() - _ALIVE_SECONDS)
