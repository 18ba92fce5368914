import pytest
from sqlalchemy import update

from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker.jobs import leases
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.database import open_session
from worker.jobs.ownership.estimates import estimate
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.tables import CheckpointRow


@pytest.mark.parametrize(
    ("overrides", "n_checkpoints"),
    [
        ([], 4 + 1),  # and the final one
        (["SOLVER.KEEP_LAST=2"], 2 + 1),
        (["SOLVER.KEEP_LAST=2", "SOLVER.EVAL_EVERY=1000", "SOLVER.KEEP_BEST=3"], 2 + 3 + 1),
    ],
)
def test_a_training_writes_as_many_checkpoints_as_it_keeps(
    store: Settings, overrides: list[str], n_checkpoints: int
) -> None:
    with open_session(store) as session:
        job = submit(session, store, overrides=overrides)
        spec = parse_spec("train", job.spec)
        assert estimate(session, spec, job.config) is None  # no like model has saved one
        earlier = submit_and_claim(session, store)
        add_checkpoint(session, store, earlier)
        session.execute(update(CheckpointRow).values(n_bytes=10**6))
        assert estimate(session, spec, job.config) == (n_checkpoints + 1) * 10**6  # and the weights alone


def test_logits_are_as_large_as_they_were(store: Settings) -> None:
    with open_session(store) as session:
        checkpoint = str(add_checkpoint(session, store, submit_and_claim(session, store)))
        job = submit(session, store, "evaluate", checkpoint=checkpoint)
        spec = parse_spec("evaluate", job.spec)
        assert estimate(session, spec, job.config) is None
        claimed = leases.claim(session, job.id, "a", 100)
        assert claimed is not None
        leases.finish(session, job.id, claimed.fence, SUCCEEDED, result={"logits": "/l", "logits_bytes": 7})
        assert estimate(session, spec, job.config) == 7
        assert estimate(session, parse_spec("evaluate", {**job.spec, "split": "other"}), job.config) is None
