"""Metrics: numbers that a job records by name and iteration. Written inside worker.jobs.leases.fenced."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs.tables import MetricRow


def add(session: Session, job_id: int, iteration: int, values: Mapping[str, float]) -> None:
    """Record metrics of one iteration, replacing those of an earlier attempt."""
    for name, value in values.items():
        session.merge(MetricRow(job_id=job_id, name=name, iteration=iteration, value=value))


def list_metrics(
    session: Session, job_id: int, names: Sequence[str] = (), after: int = -1
) -> dict[str, list[list[float]]]:
    """Read a job's metrics as {name: [[iteration, value], ...]}, ordered, of the iterations after a given one."""
    query = select(MetricRow).where(MetricRow.job_id == job_id, MetricRow.iteration > after)
    if names:
        query = query.where(MetricRow.name.in_(names))
    series: dict[str, list[list[float]]] = {}
    for row in session.scalars(query.order_by(MetricRow.name, MetricRow.iteration)):
        series.setdefault(row.name, []).append([row.iteration, row.value])
    return series
