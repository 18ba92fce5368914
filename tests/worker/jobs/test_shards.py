import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.worker.store import FOREVER, OVER, plan_shards, submit
from worker.jobs import shards
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.shards import Shard, ShardCounts, ShardLostError

MANIFEST = Path("shard.csv")


def plan(session: Session, store: Settings, n_items: int = 25, size: int = 10) -> int:
    job_id = submit(session, store).id
    plan_shards(session, job_id, n_items, size)
    return job_id


def claim(session: Session, job_id: int, owner: str = "a", lease_seconds: float = FOREVER) -> Shard:
    shard = shards.claim(session, job_id, owner, lease_seconds)
    assert shard is not None
    return shard


def test_shards_cover_all_items_once(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store)
        taken = [claim(session, job_id) for _ in range(3)]
        assert [(each.number, each.first, each.last, each.fence) for each in taken] == [
            (0, 0, 10, 1),
            (1, 10, 20, 1),
            (2, 20, 25, 1),
        ]
        assert shards.claim(session, job_id, "a", FOREVER) is None


def test_an_expired_shard_is_taken_over_with_a_new_fence(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store, n_items=5)
        dead = claim(session, job_id, "a", OVER)
        taken = claim(session, job_id, "b")
        assert (taken.number, taken.fence) == (dead.number, dead.fence + 1)
        assert not shards.has_free(session, job_id)


def test_one_output_is_accepted_per_shard(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store, n_items=5)
        late = claim(session, job_id, "a", OVER)
        owner = claim(session, job_id, "b")
    with pytest.raises(ShardLostError, match="no longer owned by claim 1"), open_session(store) as session:
        shards.finish(session, late, Path("late.csv"), 5, 0)
    with open_session(store) as session:
        shards.finish(session, owner, MANIFEST, 4, 1)
    for again in (late, owner):
        with pytest.raises(ShardLostError), open_session(store) as session:
            shards.finish(session, again, Path("again.csv"), 5, 0)
    with open_session(store) as session:
        assert shards.manifests(session, job_id) == [MANIFEST]
        assert shards.counts(session, job_id) == ShardCounts(
            n_shards=1, n_open=0, n_ok=4, n_error=1, complete=True, work=5, work_done=5, has_videos=False
        )
        assert shards.claim(session, job_id, "c", FOREVER) is None


def test_of_many_claimants_at_a_time_each_gets_another_shard(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store, n_items=60)
    barrier = threading.Barrier(6)
    taken: list[Shard] = []

    def take(owner: str) -> None:
        barrier.wait()
        with open_session(store) as session:
            taken.append(claim(session, job_id, owner))

    threads = [threading.Thread(target=take, args=(f"owner {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((each.number, each.fence) for each in taken) == [(number, 1) for number in range(6)]


def test_an_owner_renews_and_releases_what_it_holds_and_nothing_else(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store)
        mine = claim(session, job_id, "a", OVER)
        shards.renew(session, job_id, "a", FOREVER)
        theirs = claim(session, job_id, "b", OVER)
        assert claim(session, job_id, "c").number == theirs.number  # it ran out, mine did not
        shards.release(session, job_id, "a")
        again = claim(session, job_id, "d")
        assert (again.number, again.fence) == (mine.number, mine.fence + 1)


def test_others_at_work_are_those_with_a_lease_that_holds(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store)
        claim(session, job_id, "a")
        dead = claim(session, job_id, "b", OVER)
        assert not shards.others_at_work(session, job_id, "a")
        shards.renew(session, job_id, "b", FOREVER)
        assert shards.others_at_work(session, job_id, "a")
        shards.finish(session, dead, MANIFEST, 10, 0)
        assert not shards.others_at_work(session, job_id, "a")


@pytest.mark.parametrize("order", [sorted, lambda numbers: sorted(numbers, reverse=True)])
def test_manifests_come_in_the_order_of_the_items(store: Settings, order: Callable[[list[int]], list[int]]) -> None:
    with open_session(store) as session:
        job_id = plan(session, store)
        taken = [claim(session, job_id) for _ in range(3)]
        for number in order([0, 1, 2]):
            shards.finish(session, taken[number], Path(f"{number}.csv"), 1, 0)
        assert shards.manifests(session, job_id) == [Path("0.csv"), Path("1.csv"), Path("2.csv")]


def test_a_finished_shard_is_opened_again_once(store: Settings) -> None:
    with open_session(store) as session:
        job_id = plan(session, store)
        shards.finish(session, claim(session, job_id), MANIFEST, 9, 1)
        second = claim(session, job_id)
        shards.finish(session, second, MANIFEST, 10, 0)
        for _ in range(2):
            shards.reopen(session, job_id, 0)
        counts = shards.counts(session, job_id)
        assert (counts.n_open, counts.n_ok, counts.n_error, counts.work_done) == (2, 10, 0, 10)
        assert shards.manifests(session, job_id) == [MANIFEST]
        again = claim(session, job_id)
        assert (again.number, again.fence) == (0, 2)


def test_a_claim_looks_at_one_shard_however_many_there_are(store: Settings) -> None:
    """By what the databases say of how they would look for it."""
    with open_session(store) as session:
        job_id = plan(session, store, n_items=3000, size=1)
        session.flush()
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("ANALYZE shard"))
        for question in (shards._first_queued(job_id), shards._expired(job_id)):
            sql = question.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN" if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
            plan_ = "\n".join(str(row) for row in session.execute(text(f"{explain} {sql}")))
            assert re.search(r"ix_shard_(queued|running)", plan_), plan_
            assert "TEMP B-TREE" not in plan_
