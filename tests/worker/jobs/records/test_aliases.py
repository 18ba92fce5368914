import pytest

from tests.worker.store import add_checkpoint, submit_and_claim
from worker.jobs import catalog, leases, submission
from worker.jobs.cleaning import deletion, retention
from worker.jobs.database import open_session
from worker.jobs.jobs import JobStateError
from worker.jobs.records import aliases, checkpoints
from worker.jobs.records.aliases import AliasError, AliasNotFoundError
from worker.jobs.records.checkpoints import CheckpointNotFoundError
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


@pytest.fixture
def saved(store: Settings) -> list[int]:
    """Three checkpoints of job 1, which has succeeded."""
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        found = [add_checkpoint(session, store, job, iteration) for iteration in (10, 20, 30)]
        leases.finish(session, job.id, job.fence, catalog.SUCCEEDED, result={})
    return found


def test_an_alias_moves_and_keeps_its_history(store: Settings, saved: list[int]) -> None:
    first, second, _ = saved
    with open_session(store) as session:
        for checkpoint_id in (first, second, second):
            aliases.move(session, "champion", checkpoint_id)
        assert aliases.find_checkpoint(session, "champion").id == second
        assert checkpoints.get(session, second).aliases == ("champion",)
        aliases.remove(session, "champion")
        moves = [(each.from_id, each.to_id) for each in aliases.list_moves(session, "champion")]
        assert moves == [(second, None), (first, second), (None, first)]
        assert len(aliases.list_moves_of(session, first)) == 2
        assert aliases.list_aliases(session) == []


@pytest.mark.parametrize("name", ["", "7", "Champion", "job:1", "a/b", "a.pth", "x" * 65])
def test_what_could_be_taken_for_something_else_is_no_alias(store: Settings, saved: list[int], name: str) -> None:
    with open_session(store) as session, pytest.raises(AliasError, match="An alias has up to 64"):
        aliases.move(session, name, saved[0])


def test_a_checkpoint_is_found_by_all_that_names_it(store: Settings, saved: list[int]) -> None:
    with open_session(store) as session:
        aliases.move(session, "champion", saved[1])
        for text, found in (("2", saved[1]), ("champion", saved[1]), ("job:1", saved[2])):
            assert aliases.find_checkpoint(session, text).id == found
        with pytest.raises(AliasNotFoundError, match="There is no alias 'champio'; expected one of champion"):
            aliases.find_checkpoint(session, "champio")
        for text in ("99", "job:99", "9" * 30, "/data/x.pth"):
            with pytest.raises(CheckpointNotFoundError):
                aliases.find_checkpoint(session, text)


@pytest.mark.parametrize(("kind", "field"), [("evaluate", "checkpoint"), ("train", "resume")])
def test_a_job_keeps_what_the_alias_stood_for(store: Settings, saved: list[int], kind: str, field: str) -> None:
    config = {"config": str(store.home / "config.yaml")} if kind == "train" else {}
    with open_session(store) as session:
        aliases.move(session, "champion", saved[0])
    job = submission.submit(store, parse_spec(kind, {field: "champion", **config}))
    with open_session(store) as session:
        aliases.move(session, "champion", saved[1])
    assert (str(job.spec[field]), job.checkpoint, job.alias) == (str(saved[0]), str(saved[0]), "champion")
    with pytest.raises(SpecError, match=f"{field}: There is no alias 'looser'"):
        submission.submit(store, parse_spec(kind, {field: "looser", **config}))


def test_what_has_an_alias_is_kept(store: Settings, saved: list[int]) -> None:
    with open_session(store) as session:
        aliases.move(session, "champion", saved[0])
    assert [each.id for each in retention.prune(store, 1, retention.Rules())] == [saved[1]]
    with pytest.raises(JobStateError, match="champion stands for its checkpoint 1; move or remove the alias first"):
        deletion.delete_job(store, 1)
