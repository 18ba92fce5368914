import random

from tests.worker.store import submit
from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.database import open_session
from worker.jobs.records import metrics
from worker.jobs.settings import Settings


def test_metrics_of_a_repeated_iteration_are_replaced(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        metrics.add(session, job.id, 20, {"loss": 0.5, "lr/group0": 0.1})
        metrics.add(session, job.id, 10, {"loss": 0.9})
    with open_session(store) as session:
        metrics.add(session, job.id, 20, {"loss": 0.25})
    with open_session(store) as session:
        assert metrics.list_metrics(session, job.id) == {"loss": [[10, 0.9], [20, 0.25]], "lr/group0": [[20, 0.1]]}
        assert metrics.list_metrics(session, job.id, ["loss"], after=10) == {"loss": [[20, 0.25]]}
        assert metrics.list_metrics(session, job.id, ["loss"], until=10) == {"loss": [[10, 0.9]]}


def test_thinned_metrics_keep_peaks_and_the_last_value(store: Settings) -> None:
    values = {iteration: float(iteration % 7) for iteration in range(1, 1001)}
    values |= {123: 99.0, 877: -5.0, 1000: 2.5}
    with open_session(store) as session:
        job = submit(session, store)
        for iteration, value in values.items():
            metrics.add(session, job.id, iteration, {"loss": value})
        metrics.add(session, job.id, 400, {"mean_iou": 0.5})
    with open_session(store, reads_only=True) as session:
        thinned = metrics.list_metrics(session, job.id, max_points=30)
        assert list(thinned) == ["loss", "mean_iou"]
        assert thinned["mean_iou"] == [[400, 0.5]]
        loss = thinned["loss"]
        assert loss == sorted(loss)
        assert 20 <= len(loss) <= 30
        assert all(values[int(iteration)] == value for iteration, value in loss)
        assert [123, 99.0] in loss
        assert [877, -5.0] in loss
        assert loss[-1] == [1000, 2.5]
        for start in range(1, 1001, 100):  # ten buckets: each has its lowest, highest and last value
            bucket = {iteration: values[iteration] for iteration in range(start, start + 100)}
            kept = {value for iteration, value in loss if iteration in bucket}
            assert {min(bucket.values()), max(bucket.values()), bucket[start + 99]} == kept


def test_few_values_are_not_thinned(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for iteration in (1, 50, 2_000_000_000):
            metrics.add(session, job.id, iteration, {"loss": float(iteration)})
    with open_session(store, reads_only=True) as session:
        everything = metrics.list_metrics(session, job.id)
        assert metrics.list_metrics(session, job.id, max_points=1000) == everything
        assert metrics.list_metrics(session, job.id, after=50, max_points=1000) == {"loss": [[2e9, 2e9]]}
        assert metrics.list_metrics(session, job.id, ["lr"], max_points=1000) == {}


def test_all_values_can_be_read_part_by_part(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for iteration in range(5):
            metrics.add(session, job.id, iteration, {"loss": 0.5, "accuracy": 0.25})
    seen: list[metrics.Value] = []
    with open_session(store, reads_only=True) as session:
        while part := metrics.read_values(session, job.id, behind=seen[-1] if seen else None, limit=3):
            seen += part
    assert seen == [(name, i, value) for name, value in (("accuracy", 0.25), ("loss", 0.5)) for i in range(5)]


def test_long_series_keep_peaks_too(store: Settings) -> None:
    rng = random.Random(0)
    values = {iteration: rng.uniform(-1, 1) for iteration in range(37, 20_000, 7)}
    with open_session(store) as session:
        job = submit(session, store)
        for iteration, value in values.items():
            metrics.add(session, job.id, iteration, {"loss": value})
        lowest, highest = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
        for iteration in (lowest, highest):  # an attempt that began again before them
            values[iteration] = 0.0
            metrics.add(session, job.id, iteration, {"loss": 0.0})
    with open_session(store, reads_only=True) as session:
        for after, until, max_points in ((-1, LARGEST_INTEGER, 30), (37, 19_990, 40), (5000, 15_000, 9), (600, 700, 3)):
            loss = metrics.list_metrics(session, job.id, after=after, until=until, max_points=max_points)["loss"]
            chosen = {i: value for i, value in values.items() if after < i <= until}
            assert loss == sorted(loss)
            assert all(chosen[int(i)] == value for i, value in loss)
            assert {min(chosen.values()), max(chosen.values())} <= {value for _, value in loss}
            assert loss[-1][0] == max(chosen)
            assert len(loss) <= max_points
