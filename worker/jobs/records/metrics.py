"""Metrics: numbers that a job records by name and iteration. Written inside worker.jobs.leases.fenced.

A long training has more values than a screen has pixels. `list_metrics` thins them in SQL, so that neither Python nor a
browser sees more than it can draw; `read_values` reads all of them, part by part.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal, select, tuple_, union
from sqlalchemy.orm import Session

from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.tables import MetricRow

Series = dict[str, list[list[float]]]  # [[iteration, value], ...] by name
Value = tuple[str, int, float]  # name, iteration, value
RESOURCE_PREFIX = "resource/"  # of metrics by seconds instead of iterations; see worker.jobs.records.resources
_PER_BUCKET = 3  # its lowest, its highest and its last value


def add(session: Session, job_id: int, iteration: int, values: Mapping[str, float]) -> None:
    """Record metrics of one iteration, replacing those of an earlier attempt."""
    for name, value in values.items():
        session.merge(MetricRow(job_id=job_id, name=name, iteration=iteration, value=value))


def list_metrics(
    session: Session,
    job_id: int,
    names: Sequence[str] = (),
    after: int = -1,
    until: int = LARGEST_INTEGER,
    max_points: int | None = None,
) -> Series:
    """Read a job's metrics as {name: [[iteration, value], ...]}, in the order of the iterations.

    Args:
        session: reads.
        job_id: the job.
        names: of the metrics; none: all but those of resources.
        after: only of later iterations than this one.
        until: only of iterations up to this one.
        max_points: at most so many values of each, at least 3: the iterations are divided into buckets of equal width,
            and of each the lowest, the highest and the last value are kept, so that peaks stay. None: every value.
    """
    if max_points is None:
        rows = session.execute(_values(job_id, names, after, until))
        return _as_series((name, iteration, value) for name, iteration, value in rows)
    chosen = names or session.scalars(select(MetricRow.name).where(*_of_job(job_id, names)).distinct())
    thinned = (_thinned(session, job_id, name, after, until, max_points) for name in sorted(chosen))
    return _as_series(value for values in thinned for value in values)


def read_values(
    session: Session,
    job_id: int,
    names: Sequence[str] = (),
    after: int = -1,
    until: int = LARGEST_INTEGER,
    *,
    behind: Value | None = None,
    limit: int,
) -> list[Value]:
    """Read the next values of a job in the order of names and iterations: those behind one that was read before."""
    query = _values(job_id, names, after, until).limit(limit)
    if behind is not None:
        query = query.where(tuple_(MetricRow.name, MetricRow.iteration) > tuple_(*behind[:2]))
    return [(name, iteration, value) for name, iteration, value in session.execute(query)]


def _values(job_id: int, names: Sequence[str], after: int, until: int) -> Select[str, int, float]:
    # Columns and no rows of the mapper: an object for each of 100,000 values takes seconds.
    query = select(MetricRow.name, MetricRow.iteration, MetricRow.value).where(
        *_of_job(job_id, names), MetricRow.iteration > after, MetricRow.iteration <= until
    )
    return query.order_by(MetricRow.name, MetricRow.iteration)


def _of_job(job_id: int, names: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    chosen = MetricRow.name.in_(names) if names else MetricRow.name.not_like(f"{RESOURCE_PREFIX}%")
    return MetricRow.job_id == job_id, chosen


def _thinned(session: Session, job_id: int, name: str, after: int, until: int, max_points: int) -> Iterator[Value]:
    """Read the lowest, the highest and the last value of each bucket of iterations."""
    mine = (MetricRow.job_id == job_id, MetricRow.name == name)
    in_range = (MetricRow.iteration > after, MetricRow.iteration <= until)
    # Two queries, each of which is a single look at the index.
    first = session.scalar(select(func.min(MetricRow.iteration)).where(*mine, *in_range))
    last = session.scalar(select(func.max(MetricRow.iteration)).where(*mine, *in_range))
    if first is None or last is None:
        return
    n_buckets = max(1, max_points // _PER_BUCKET)
    width = -(-(last - first + 1) // n_buckets)
    query = _values(job_id, [name], after, until)
    if width > 1:
        query = query.where(MetricRow.iteration.in_(union(*_kept(mine, first, last, width))))
    for _, iteration, value in session.execute(query):
        yield name, iteration, value


def _kept(mine: Sequence[ColumnElement[bool]], first: int, last: int, width: int) -> Iterator[Any]:
    """The iterations of the lowest, the highest and the last value of each bucket, as queries.

    Each bucket is a short range of the index: cheaper than grouping or sorting all values, in both databases.
    """
    bucket = select(literal(first, BigInteger).label("start")).cte("bucket", recursive=True)
    following = bucket.c.start + width
    bucket = bucket.union_all(select(following).where(following <= last))
    in_bucket = (MetricRow.iteration >= bucket.c.start, MetricRow.iteration < bucket.c.start + width)
    for order in (MetricRow.value.asc(), MetricRow.value.desc(), MetricRow.iteration.desc()):
        best = select(MetricRow.iteration).where(*mine, *in_bucket).order_by(order).limit(1)
        yield select(best.correlate(bucket).scalar_subquery()).select_from(bucket)


def _as_series(values: Iterator[Value]) -> Series:
    series: Series = {}
    for name, iteration, value in values:
        series.setdefault(name, []).append([iteration, value])
    return series
