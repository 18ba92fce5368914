"""Pages of long lists by keyset: the next page begins behind the last line of this one, however long the list is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_
from sqlalchemy.orm import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list, and where in the list it is."""

    lines: Sequence[T]
    n_before: int  # lines of the list above this page
    n_all: int  # lines of the list

    @property
    def has_more(self) -> bool:
        """Whether the list goes on below this page."""
        return self.n_before + len(self.lines) < self.n_all


@dataclass(frozen=True)
class Order:
    """The order of a list: by some keys, and by the id where they are equal."""

    id: ColumnElement[int] | Any  # the table's primary key
    keys: tuple[ColumnElement[Any], ...] = ()  # none of them is ever NULL
    descending: bool = True

    @property
    def columns(self) -> tuple[ColumnElement[Any], ...]:
        """What the list is ordered by."""
        return (*self.keys, self.id)


def read_page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    order: Order,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
    n_all: int | None = None,
) -> Page[Row[*tuple[Any, ...]]]:
    """Read a page of a list.

    Args:
        session: reads.
        query: selects all lines of the list.
        order: of the list.
        before: the page begins behind the line of this id; None: with the first line.
        after: the page ends above the line of this id. If fewer lines than a page are there, it is the first page.
        limit: lines of a page.
        n_all: how many lines the list has, if that was counted already.
    """
    if after is not None:
        above = _beyond(session, query, order, after, is_above=True)
        lines = session.execute(_sorted(above, order, is_reversed=True).limit(limit)).all()[::-1]
        if len(lines) < limit:
            after, lines = None, session.execute(_sorted(query, order).limit(limit)).all()
    else:
        rest = query if before is None else _beyond(session, query, order, before)
        lines = session.execute(_sorted(rest, order).limit(limit)).all()
    n_before = 0
    if lines and (before is not None or after is not None):
        n_before = _count(session, _beyond(session, query, order, lines[0].id, is_above=True))
    return Page(lines, n_before, _count(session, query) if n_all is None else n_all)


def _sorted(query: Select[*tuple[Any, ...]], order: Order, *, is_reversed: bool = False) -> Select[*tuple[Any, ...]]:
    falling = order.descending != is_reversed
    return query.order_by(*(column.desc() if falling else column.asc() for column in order.columns))


def _beyond(
    session: Session, query: Select[*tuple[Any, ...]], order: Order, line: int, *, is_above: bool = False
) -> Select[*tuple[Any, ...]]:
    """The lines below the line of an id, or those above it."""
    values: Sequence[Any] = (line,)
    if order.keys:
        found = session.execute(select(*order.columns).where(order.id == line)).one_or_none()
        if found is None:
            return query.where(order.id.is_(None))  # nothing lies beyond a line that is not there
        values = tuple(found)
    here = tuple_(*order.columns)
    there = tuple_(*values)
    return query.where(here < there if order.descending != is_above else here > there)


def _count(session: Session, query: Select[*tuple[Any, ...]]) -> int:
    return session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)) or 0
