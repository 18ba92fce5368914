"""The list of jobs: filtered, searched and sorted in SQL, page by page, with no more of each job than a line shows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select
from sqlalchemy.orm import Session

from worker.jobs.catalog import PASSING, STATES, parse_integer
from worker.jobs.jobs import Job, JobSummary, fraction_of
from worker.jobs.paging import Order, Page, read_page
from worker.jobs.tables import ExperimentRow, JobRow, UserRow

SUMMARY = tuple(getattr(JobRow, field.name) for field in fields(JobSummary))  # columns
FIELDS = (*(field.name for field in fields(Job)), "fraction")  # that a list over the API can be asked for

ORDERS = {
    "newest": Order(JobRow.id),
    "oldest": Order(JobRow.id, descending=False),
    "ended": Order(JobRow.id, (func.coalesce(JobRow.finished_at, 0.0),)),
    "longest": Order(JobRow.id, (func.coalesce(JobRow.finished_at - JobRow.started_at, -1.0),)),
    "name": Order(JobRow.id, (case((JobRow.name == "", 1), else_=0), func.lower(JobRow.name)), descending=False),
}


@dataclass(frozen=True)
class JobFilter:
    """Which jobs a list has; None and empty: no matter."""

    kind: str | None = None  # None: all but those of the kind PASSING
    state: str | None = None
    dataset: str | None = None
    search: str = ""  # in name, notes, dataset and error, and the id
    user: str | None = None  # who submitted it
    experiment: str | None = None  # its name


EVERYTHING = JobFilter()


def read_job_page(
    session: Session,
    wanted: JobFilter = EVERYTHING,
    order: str = "newest",
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
    n_all: int | None = None,
) -> Page[JobSummary]:
    """Read a page of jobs.

    Args:
        session: reads.
        wanted: which jobs.
        order: one of ORDERS.
        before, after, limit, n_all: as `worker.jobs.paging.read_page` takes them.
    """
    query = select(*SUMMARY).where(*_conditions(wanted))
    page = read_page(session, query, ORDERS[order], before=before, after=after, limit=limit, n_all=n_all)
    return Page([summary_of(row) for row in page.lines], page.n_before, page.n_all)


def list_jobs(
    session: Session, wanted: JobFilter = EVERYTHING, *, before: int | None = None, limit: int = 50
) -> list[JobSummary]:
    """List jobs, newest first; older than job `before` if given."""
    return [summary_of(row) for row in session.execute(_newest(select(*SUMMARY), wanted, before, limit))]


def list_fields(
    session: Session, names: Collection[str], wanted: JobFilter, *, before: int | None = None, limit: int
) -> list[dict[str, Any]]:
    """List some of the FIELDS of jobs, newest first; nothing else is read."""
    needed = {"id", *names, *({"state", "done", "total"} if "fraction" in names else ())} - {"fraction"}
    columns = [getattr(JobRow, name) for name in sorted(needed)]
    rows = session.execute(_newest(select(*columns), wanted, before, limit))
    return [
        {
            name: fraction_of(row.state, row.done, row.total) if name == "fraction" else getattr(row, name)
            for name in names
        }
        for row in rows
    ]


def count_by_state(session: Session, wanted: JobFilter = EVERYTHING) -> dict[str, int]:
    """Count the jobs in each state, whatever state the filter names."""
    conditions = _conditions(replace(wanted, state=None))
    query = select(JobRow.state, func.count()).where(*conditions).group_by(JobRow.state)
    return {**dict.fromkeys(STATES, 0), **dict(session.execute(query).all())}


def list_datasets(session: Session) -> Sequence[str]:
    """The datasets that jobs work on, as their lines name them."""
    query = select(JobRow.dataset).where(JobRow.dataset.is_not(None)).distinct().order_by(JobRow.dataset)
    return [name for name in session.scalars(query) if name is not None]


def list_users(session: Session) -> Sequence[str]:
    """The names of those who have submitted jobs."""
    submitted = select(JobRow.user_id).where(JobRow.user_id == UserRow.id).exists()
    return session.scalars(select(UserRow.name).where(submitted).order_by(UserRow.name)).all()


def _newest(
    query: Select[*tuple[Any, ...]], wanted: JobFilter, before: int | None, limit: int
) -> Select[*tuple[Any, ...]]:
    query = query.where(*_conditions(wanted)).order_by(JobRow.id.desc()).limit(limit)
    return query if before is None else query.where(JobRow.id < before)


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    equal = ((JobRow.kind, wanted.kind), (JobRow.state, wanted.state), (JobRow.dataset, wanted.dataset))
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if wanted.kind is None:
        conditions.append(JobRow.kind != PASSING)
    if wanted.user is not None:
        conditions.append(JobRow.user_id == select(UserRow.id).where(UserRow.name == wanted.user).scalar_subquery())
    if wanted.experiment is not None:
        named = select(ExperimentRow.id).where(ExperimentRow.name == wanted.experiment).scalar_subquery()
        conditions.append(JobRow.experiment_id == named)
    if text := wanted.search.strip():
        searched = (JobRow.name, JobRow.notes, JobRow.dataset, JobRow.error)
        number = parse_integer(text)
        found = [column.icontains(text, autoescape=True) for column in searched]
        conditions.append(or_(*found) if number is None else or_(JobRow.id == number, *found))
    return conditions


def summary_of(row: Row[*tuple[Any, ...]]) -> JobSummary:
    """Read what lists show of a job from a row of SUMMARY."""
    return JobSummary(**row._mapping)
