"""The processes of Celery workers that were ever started, for people to see, and for others to notice their death.

A worker that is started again gets a new row; its name is what people read.
"""

import os
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain, count

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from deeplab.errors import DeepLabError
from worker.jobs.database import db_now, read_clock
from worker.jobs.processes import is_dead, process_table, start_of
from worker.jobs.tables import WorkerRow
from worker.jobs.timestamp import Timestamp

_ALIVE_SECONDS = 30  # six missed heartbeats at the default pause of the reconciler, which sends them
_KEPT_SECONDS = 3600  # since the last heartbeat, for which a row stays though its worker was started again
_OWNER = re.compile(r".*/(?P<worker>\d+)\.(?P<pid>\d+)", re.DOTALL)


@dataclass(frozen=True)
class Worker:
    """A process of a Celery worker."""

    id: int  # of this process; a worker that is started again gets another
    name: str
    queue: str  # the queue that it serves: gpu or cpu
    device: str  # what its children compute on, such as "NVIDIA H200" or "CPU (2 cores)"
    slots: int  # how many jobs it runs at a time
    gpus: int  # how many GPUs one job can have; 0 if it has none
    memory_bytes: int | None  # that a job can take: of a GPU, else of the machine; None: unknown
    pid: int
    started_at: Timestamp
    heartbeat_at: Timestamp
    alive: bool


class WorkerNameTakenError(DeepLabError):
    """A live worker has that name."""


def choose_name(session: Session, queue: str) -> str:
    """Choose a name that no live worker has: "gpu@host", then "gpu-2@host" for a second one on this machine."""
    host = socket.gethostname()
    names = (f"{queue}{suffix}@{host}" for suffix in chain([""], (f"-{number}" for number in count(2))))
    return next(name for name in names if not _is_taken(session, name))


def check_name(session: Session, name: str) -> None:
    """Check that no live worker has a name.

    Raises:
        WorkerNameTakenError: if one has it.
    """
    if _is_taken(session, name):
        raise WorkerNameTakenError(f"A worker named {name} is running; choose another --name.")


def _is_taken(session: Session, name: str) -> bool:
    """Whether a live worker has a name. One that was killed just now looks alive, but for its process."""
    rows = session.scalars(select(WorkerRow).where(WorkerRow.name == name, _is_alive()))
    return any(row.pid != os.getpid() and not _is_dead(row) for row in rows)


def register(
    session: Session,
    name: str,
    queue: str,
    device: str,
    slots: int = 1,
    gpus: int = 0,
    memory_bytes: int | None = None,
) -> int:
    """Record that this process serves a queue from now on; return its id."""
    is_old = WorkerRow.heartbeat_at < db_now() - _KEPT_SECONDS
    session.execute(delete(WorkerRow).where(WorkerRow.name == name, is_old))
    now = read_clock(session)
    row = WorkerRow(
        name=name,
        queue=queue,
        device=device,
        slots=slots,
        gpus=gpus,
        memory_bytes=memory_bytes,
        pid=os.getpid(),
        process_table=process_table(),
        process_start=start_of(os.getpid()) if process_table() else None,
        started_at=now,
        heartbeat_at=now,
    )
    session.add(row)
    session.flush()
    return row.id


def heartbeat(session: Session, worker_id: int) -> None:
    """Record that a worker is alive."""
    session.execute(update(WorkerRow).where(WorkerRow.id == worker_id).values(heartbeat_at=db_now(), stopped_at=None))


def unregister(session: Session, worker_id: int) -> None:
    """Record that a worker has stopped."""
    session.execute(update(WorkerRow).where(WorkerRow.id == worker_id).values(stopped_at=db_now()))


def list_dead(session: Session) -> list[int]:
    """List the workers whose end nobody has recorded, though this machine knows their processes to be dead."""
    running = select(WorkerRow).where(WorkerRow.stopped_at.is_(None), WorkerRow.process_table == process_table())
    return [row.id for row in session.scalars(running) if _is_dead(row)]


def find_dead_owners(session: Session, owners: Collection[str | None]) -> set[str]:
    """Which names of `owner_name` belong to pool processes that this machine knows to be dead."""
    if (table := process_table()) is None:
        return set()
    neighbours = set(session.scalars(select(WorkerRow.id).where(WorkerRow.process_table == table)))
    parsed = [(owner, *found) for owner in owners if owner and (found := parse_owner(owner))]
    return {owner for owner, worker_id, pid in parsed if worker_id in neighbours and is_dead(table, pid, None)}


def owner_name(name: str, worker_id: int, pid: int) -> str:
    """The name under which a pool process of a worker holds leases: unique among all that ever were."""
    return f"{name}/{worker_id}.{pid}"


def parse_owner(owner: str | None) -> tuple[int, int] | None:
    """The worker and the pid in an owner's name; None if it is not one of `owner_name`."""
    match = _OWNER.fullmatch(owner or "")
    return None if match is None else (int(match["worker"]), int(match["pid"]))


def list_workers(session: Session) -> list[Worker]:
    """List the workers that are alive, and then those that are gone: of each name the last process."""
    alive, later = _is_alive(), aliased(WorkerRow)
    is_last = ~exists().where(later.name == WorkerRow.name, later.id > WorkerRow.id)
    query = select(WorkerRow, alive.label("alive")).where(or_(alive, is_last))
    query = query.order_by(alive.desc(), WorkerRow.name, WorkerRow.id)
    return [
        Worker(
            id=row.id,
            name=row.name,
            queue=row.queue,
            device=row.device,
            slots=row.slots,
            gpus=row.gpus,
            memory_bytes=row.memory_bytes,
            pid=row.pid,
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            alive=bool(is_alive),
        )
        for row, is_alive in session.execute(query)
    ]


def list_alive(session: Session, queue: str | None = None) -> list[Worker]:
    """List the live workers, of all queues or of one."""
    return [each for each in list_workers(session) if each.alive and queue in (None, each.queue)]


def find_memory(session: Session, queue: str) -> int | None:
    """The memory, in bytes, that any worker of a queue can give a job; None if that is unknown.

    Workers with GPUs are looked at first: who has some trains on them. The live ones count, else those that were there.
    """
    known = [each for each in list_workers(session) if each.queue == queue and each.memory_bytes]
    for some in ([w for w in known if w.alive and w.gpus], [w for w in known if w.alive], known):
        if some:
            return min(each.memory_bytes or 0 for each in some)
    return None


def count_slots(session: Session, queue: str) -> int:
    """Count the slots of the live workers of a queue."""
    query = select(func.coalesce(func.sum(WorkerRow.slots), 0)).where(WorkerRow.queue == queue, _is_alive())
    n_slots: int = session.scalars(query).one()
    return n_slots


def _is_dead(row: WorkerRow) -> bool:
    return is_dead(row.process_table, row.pid, row.process_start)


def _is_alive() -> ColumnElement[bool]:
    return (WorkerRow.stopped_at.is_(None)) & (WorkerRow.heartbeat_at > db_now() - _ALIVE_SECONDS)
