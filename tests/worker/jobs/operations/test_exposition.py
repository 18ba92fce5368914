"""The numbers for Prometheus, on both databases."""

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete

from tests.worker.store import FOREVER, submit_and_claim
from worker.jobs import leases
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.database import open_session
from worker.jobs.operations.exposition import render_metrics
from worker.jobs.outcomes import LOST
from worker.jobs.records import metrics
from worker.jobs.records.metrics import RESOURCE_PREFIX
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow


def values_of(store: Settings, metric: str) -> dict[tuple[str, ...], float]:
    """The values of a metric, by the values of its labels."""
    with open_session(store, reads_only=True) as session:
        text = render_metrics(session, store).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return {tuple(each.labels.values()): each.value for each in families[metric].samples}


def test_attempts_are_counted_by_outcome_and_never_fall(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        leases.release(session, store, job.id, job.fence, LOST)
        again = leases.claim(session, job.id, "b", FOREVER)
        assert again is not None
        leases.finish(session, job.id, again.fence, SUCCEEDED)
    for _ in range(2):
        counted = values_of(store, "deeplab_attempts")
        assert (counted["lost",], counted["succeeded",], counted["crashed",]) == (1, 1, 0)
        with open_session(store) as session:
            session.execute(delete(AttemptRow))  # as with a job that is deleted


def test_of_what_a_running_job_uses_the_last_value_counts(store: Settings) -> None:
    with open_session(store) as session:
        job, other = submit_and_claim(session, store), submit_and_claim(session, store)
        for each, values in ((job, (10, 30, 20)), (other, (5,))):
            for iteration, value in enumerate(values):
                metrics.add(session, each.id, iteration, {f"{RESOURCE_PREFIX}memory": value})
        leases.finish(session, other.id, other.fence, SUCCEEDED)
    assert values_of(store, "deeplab_memory_bytes") == {(str(job.id),): 20}
    assert values_of(store, "deeplab_gpu_utilization") == {}
