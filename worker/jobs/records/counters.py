"""Counts that only grow, of what leaves no row of its own."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from worker.jobs.tables import CounterRow

STALE_WRITES: Final = "stale_writes"  # of attempts that had lost their lease, and were refused


def add(session: Session, name: str) -> None:
    """Count one more; any number of processes may do so at the same time."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(CounterRow).values(name=name, value=1)
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": CounterRow.value + 1}))


def read(session: Session, name: str) -> int:
    """Read a count; 0 if nothing was counted yet."""
    return session.scalar(select(CounterRow.value).where(CounterRow.name == name)) or 0
