"""The platform in numbers, for Prometheus: read from SQL, so that every web server says the same.

What a scrape costs does not grow with the jobs that have ended, but for the gauges that count these; they are read anew
after some seconds alone.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from worker.jobs import workers
from worker.jobs.catalog import QUEUED, QUEUES, RUNNING
from worker.jobs.database import db_now
from worker.jobs.outcomes import ENDINGS
from worker.jobs.ownership.room import list_free
from worker.jobs.records import counters
from worker.jobs.records.metrics import RESOURCE_PREFIX
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow, MetricRow

_RECENT_SECONDS = 10.0


class _Families(Collector):
    """What was read just now, as Prometheus' library wants it."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """Return what was read."""
        return self._families


class _Recent:
    """Metrics that were read a moment ago. Gauges alone: a counter that another web server knows better would fall."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[Metric]]] = {}  # by database: when, and what

    def read(self, database: str, read: Callable[[], list[Metric]]) -> list[Metric]:
        """Return what was read of a database, or read it anew."""
        read_at, metrics = self._known.get(database, (-math.inf, []))
        if time.monotonic() > read_at + _RECENT_SECONDS:
            metrics = read()
            self._known[database] = (time.monotonic(), metrics)
        return metrics


_recent = _Recent()


def render_metrics(session: Session, settings: Settings) -> bytes:
    """Read all metrics, as the text that Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(_read(session, settings)))
    return generate_latest(registry)


def _read(session: Session, settings: Settings) -> Iterator[Metric]:
    yield from _recent.read(settings.database, lambda: [_jobs(session), _oldest_queued(session)])
    yield _attempts(session)
    yield _stale_writes(session)
    yield _items_per_second(session)
    yield from _workers(session)
    yield from _resources(session)
    yield _disk(settings)


def _jobs(session: Session) -> Metric:
    family = GaugeMetricFamily("deeplab_jobs", "Jobs, by state.", labels=["state", "queue", "kind"])
    columns = (JobRow.state, JobRow.queue, JobRow.kind)
    for state, queue, kind, number in session.execute(select(*columns, func.count()).group_by(*columns)):
        family.add_metric([state, queue, kind], number)
    return family


def _oldest_queued(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "deeplab_oldest_queued_seconds", "Age of the oldest job that is queued; 0: none is.", labels=["queue"]
    )
    age = db_now() - func.min(JobRow.created_at)
    query = select(JobRow.queue, age).where(JobRow.state == QUEUED).group_by(JobRow.queue)
    found = {queue: float(seconds) for queue, seconds in session.execute(query)}
    for queue in QUEUES:
        family.add_metric([queue], max(0.0, found.get(queue, 0.0)))
    return family


def _attempts(session: Session) -> Metric:
    family = CounterMetricFamily(
        "deeplab_attempts", "Attempts that have ended, by outcome; lost: its lease ran out.", labels=["outcome"]
    )
    names = {outcome: counters.attempts_that(outcome) for outcome in ENDINGS}
    counts = counters.read(session, names.values())
    for outcome, name in names.items():
        family.add_metric([outcome], counts[name])
    return family


def _stale_writes(session: Session) -> Metric:
    number = counters.read(session, [counters.STALE_WRITES])[counters.STALE_WRITES]
    return CounterMetricFamily(
        "deeplab_stale_writes", "Writes of attempts that had lost their lease, which were refused.", value=number
    )


def _items_per_second(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "deeplab_items_per_second",
        "Speed of the running jobs, as they estimate it themselves; an item is an image or an iteration.",
        labels=["kind", "unit"],
    )
    speed = func.sum((JobRow.total - JobRow.done) / JobRow.eta_seconds)
    query = select(JobRow.kind, JobRow.unit, speed).where(JobRow.state == RUNNING, JobRow.eta_seconds > 0)
    for kind, unit, value in session.execute(query.group_by(JobRow.kind, JobRow.unit)):
        family.add_metric([kind, unit], float(value))
    return family


def _workers(session: Session) -> Iterator[Metric]:
    alive = workers.list_alive(session)
    families = (
        ("deeplab_workers", "Live workers.", lambda each: 1),
        ("deeplab_slots", "Slots of live workers: how many jobs they run at a time.", lambda each: each.slots),
        ("deeplab_gpus", "GPUs that live workers can give to one job, summed up.", lambda each: each.gpus),
    )
    for name, text, number in families:
        family = GaugeMetricFamily(name, text, labels=["queue"])
        for queue in QUEUES:
            family.add_metric([queue], sum(number(each) for each in alive if each.queue == queue))
        yield family


_RESOURCES = {
    "gpu": ("deeplab_gpu_utilization", "Mean utilization of a running job's GPUs, from 0 to 1."),
    "gpu_memory": ("deeplab_gpu_memory_bytes", "GPU memory that a running job uses."),
    "cpu": ("deeplab_cpu_cores", "Cores that a running job keeps busy."),
    "memory": ("deeplab_memory_bytes", "Memory that a running job uses."),
}


def _resources(session: Session) -> Iterator[Metric]:
    """The last values that running jobs have recorded of their machines."""
    last = [_last_value(f"{RESOURCE_PREFIX}{name}").label(name) for name in _RESOURCES]
    rows = session.execute(select(JobRow.id, *last).where(JobRow.state == RUNNING)).mappings().all()
    for name, (metric, text) in _RESOURCES.items():
        family = GaugeMetricFamily(metric, text, labels=["job"])
        for row in rows:
            if row[name] is not None:
                family.add_metric([str(row["id"])], row[name])
        yield family


def _last_value(name: str) -> ScalarSelect[float]:
    """The last value of a metric of the job of a row, found by the end of an index."""
    of_job = select(MetricRow.value).where(MetricRow.job_id == JobRow.id, MetricRow.name == name)
    return of_job.order_by(MetricRow.iteration.desc()).limit(1).scalar_subquery()


def _disk(settings: Settings) -> Metric:
    family = GaugeMetricFamily(
        "deeplab_disk_free_bytes", "Free space where the home and the data roots lie.", labels=["folder"]
    )
    for folder, free in list_free(settings):
        family.add_metric([str(folder)], free)
    return family
