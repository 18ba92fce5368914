"""Counts that only grow, of what leaves no row of its own."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from worker.jobs.tables import CounterRow

STALE_WRITES: Final = "stale_writes"  # of attempts that had lost their lease, and were refused


def attempts_that(outcome: str) -> str:
    """The name of the count of attempts that ended so."""
    return f"attempts {outcome}"


def add(session: Session, name: str) -> None:
    """Count one more; any number of processes may do so at the same time."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(CounterRow).values(name=name, value=1)
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": CounterRow.value + 1}))


def read(session: Session, names: Collection[str]) -> dict[str, int]:
    """Read counts by their names; 0 where nothing was counted yet."""
    known = session.execute(select(CounterRow.name, CounterRow.value).where(CounterRow.name.in_(names)))
    return dict.fromkeys(names, 0) | {row.name: row.value for row in known}
