"""Metrics: numbers that a job records by name and iteration. Written inside worker.jobs.leases.fenced.

A long training has more values than a screen has pixels. `list_metrics` thins them in SQL, so that neither Python nor a
browser sees more than it can draw, and by buckets that `add` keeps, so that the database reads few of them either;
`read_values` reads all of them, part by part.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Select, SQLColumnExpression, func, literal, select, tuple_, union
from sqlalchemy.orm import Session

from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.tables import MetricBucketRow, MetricRow

Series = dict[str, list[list[float]]]  # [[iteration, value], ...] by name
Value = tuple[str, int, float]  # name, iteration, value
RESOURCE_PREFIX = "resource/"  # of metrics by seconds instead of iterations; see worker.jobs.records.resources
BUCKET = 256  # iterations; five million values have 20,000 buckets
_PER_BUCKET = 3  # its lowest, its highest and its last value


def add(session: Session, job_id: int, iteration: int, values: Mapping[str, float]) -> None:
    """Record metrics of one iteration, replacing those of an earlier attempt."""
    for name, value in values.items():
        session.merge(MetricRow(job_id=job_id, name=name, iteration=iteration, value=value))
        if not name.startswith(RESOURCE_PREFIX):  # those are few, and fewer as they grow old
            _add_to_bucket(session, job_id, name, iteration, value)


def _add_to_bucket(session: Session, job_id: int, name: str, iteration: int, value: float) -> None:
    start = iteration - iteration % BUCKET
    bucket = session.get(MetricBucketRow, (job_id, name, start))
    if bucket is None:
        bucket = MetricBucketRow(job_id=job_id, name=name, start=start, lowest=value, lowest_at=iteration)
        bucket.highest, bucket.highest_at, bucket.last_at = value, iteration, iteration
        session.add(bucket)
    elif iteration > bucket.last_at:
        bucket.last_at = iteration
        _include(bucket, iteration, value)
    else:  # it may have replaced the lowest or the highest value
        bucket.lowest, bucket.highest = math.inf, -math.inf
        for _, each, its_value in session.execute(_values(job_id, [name], start - 1, start + BUCKET - 1)):
            _include(bucket, each, its_value)


def _include(bucket: MetricBucketRow, iteration: int, value: float) -> None:
    if value <= bucket.lowest:
        bucket.lowest, bucket.lowest_at = value, iteration
    if value >= bucket.highest:
        bucket.highest, bucket.highest_at = value, iteration


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
    query = _values(job_id, [name], after, until)
    n_ranges = max(1, max_points // _PER_BUCKET)
    if last - first >= n_ranges:
        query = query.where(MetricRow.iteration.in_(union(*_kept(job_id, name, first, last, n_ranges))))
    for _, iteration, value in session.execute(query):
        yield name, iteration, value


def _kept(job_id: int, name: str, first: int, last: int, n_ranges: int) -> Iterator[Any]:
    """The iterations that `_thinned` keeps, as queries: by buckets of the table where the ranges are wider."""
    start, end = first + -first % BUCKET, last + 1 - (last + 1) % BUCKET  # of the whole buckets
    n_whole = n_ranges - 2  # the edges are ranges of their own
    if n_whole < 1 or end - start <= n_whole * BUCKET or name.startswith(RESOURCE_PREFIX):
        yield from _of_values(job_id, name, first, last, -(-(last - first + 1) // n_ranges))
        return
    yield from _of_buckets(job_id, name, start, end - 1, BUCKET * -(-(end - start) // (n_whole * BUCKET)))
    for edge_first, edge_last in ((first, start - 1), (end, last)):
        if edge_first <= edge_last:
            yield from _of_values(job_id, name, edge_first, edge_last, BUCKET)


def _of_values(job_id: int, name: str, first: int, last: int, width: int) -> Iterator[Any]:
    """The iterations of the lowest, the highest and the last value of each range of so many iterations.

    Each is a short range of the index: cheaper than grouping or sorting all values, in both databases.
    """
    ranges = _ranges(first, last, width)
    inside = _within(MetricRow.iteration, ranges, last, width)
    at, value = MetricRow.iteration, MetricRow.value
    for order in (value.asc(), value.desc(), at.desc()):
        query = select(at).where(MetricRow.job_id == job_id, MetricRow.name == name, *inside).order_by(order)
        yield select(query.limit(1).correlate(ranges).scalar_subquery()).select_from(ranges)


def _of_buckets(job_id: int, name: str, first: int, last: int, width: int) -> Iterator[Any]:
    """The same from the buckets, for a width of whole ones."""
    row = MetricBucketRow
    ranges = _ranges(first, last, width)
    inside = _within(row.start, ranges, last, width)
    for at, order in (
        (row.lowest_at, row.lowest.asc()),
        (row.highest_at, row.highest.desc()),
        (row.last_at, row.start.desc()),
    ):
        query = select(at).where(row.job_id == job_id, row.name == name, *inside).order_by(order)
        yield select(query.limit(1).correlate(ranges).scalar_subquery()).select_from(ranges)


def _ranges(first: int, last: int, width: int) -> CTE:
    """The starts of ranges of so many iterations that follow each other."""
    start = select(literal(first, BigInteger).label("start")).cte(recursive=True)
    following = start.c.start + width
    return start.union_all(select(following).where(following <= last))


def _within(position: SQLColumnExpression[int], ranges: CTE, last: int, width: int) -> tuple[ColumnElement[bool], ...]:
    return position >= ranges.c.start, position < ranges.c.start + width, position <= last


def _as_series(values: Iterator[Value]) -> Series:
    series: Series = {}
    for name, iteration, value in values:
        series.setdefault(name, []).append([iteration, value])
    return series
