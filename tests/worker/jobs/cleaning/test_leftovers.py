from pathlib import Path

import pytest
from sqlalchemy import update

from tests.worker.store import FOREVER, add_checkpoint, submit, submit_and_claim, submit_segment
from worker.jobs import catalog, item_lists, leases, storage
from worker.jobs.cleaning.leftovers import AGE_SECONDS, find_leftovers, find_own_leftovers, remove
from worker.jobs.database import db_now, open_session
from worker.jobs.item_lists import Cut
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints
from worker.jobs.results import parts
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow, JobRow

DRAFT = f".{'0' * 32}.tmp"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")


def left_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def make_old(store: Settings, job: Job) -> None:
    """What ended of a job ended long ago, by the database's clock."""
    long_ago = db_now() - AGE_SECONDS - 1
    with open_session(store) as session:
        over = AttemptRow.finished_at.is_not(None)
        session.execute(update(AttemptRow).where(AttemptRow.job_id == job.id, over).values(finished_at=long_ago))
        ended = JobRow.finished_at.is_not(None)
        session.execute(update(JobRow).where(JobRow.id == job.id, ended).values(finished_at=long_ago))


@pytest.fixture
def crashed(store: Settings) -> Job:
    """A training whose first attempt was killed, and which runs again: with a recorded checkpoint and one without."""
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        folder = storage.attempt_dir(store, job.id, job.fence)
        write(folder, "checkpoint_0000010.pth", "checkpoint_0000020.pth", DRAFT, "log.txt", "logs/events.out")
        checkpoints.add(session, job.id, job.fence, 10, folder / "checkpoint_0000010.pth", "0" * 64)
        leases.release(session, store, job.id, job.fence, "crashed")
        again = leases.claim(session, job.id, "b", FOREVER)
    assert again is not None
    write(storage.attempt_dir(store, again.id, again.fence), "checkpoint_0000030.pth", DRAFT, "log.txt")
    return again


KEPT = {"1/checkpoint_0000010.pth", "1/log.txt", "1/logs/events.out"}
NEW = {"2/checkpoint_0000030.pth", f"2/{DRAFT}", "2/log.txt"}


def test_a_start_of_the_job_deletes_what_earlier_ones_left(store: Settings, crashed: Job) -> None:
    found = find_own_leftovers(store, crashed)
    assert sorted(each.path.name for each in found) == [DRAFT, "checkpoint_0000020.pth"]
    assert remove(store, found) == 10
    assert left_in(storage.job_dir(store, crashed.id)) == KEPT | NEW


def test_a_clean_up_waits_for_an_hour_and_leaves_the_live_attempt_alone(store: Settings, crashed: Job) -> None:
    assert find_leftovers(store) == []
    make_old(store, crashed)
    remove(store, find_leftovers(store))
    assert left_in(storage.job_dir(store, crashed.id)) == KEPT | NEW
    with open_session(store) as session:
        leases.finish(session, crashed.id, crashed.fence, catalog.FAILED, error="Because.")
    assert find_leftovers(store) == []
    make_old(store, crashed)
    remove(store, find_leftovers(store))
    assert left_in(storage.job_dir(store, crashed.id)) == KEPT | {"2/log.txt"}


def test_of_an_evaluation_stays_what_rows_and_its_result_name(store: Settings) -> None:
    with open_session(store) as session:
        checkpoint = add_checkpoint(session, store, submit_and_claim(session, store))
        job = leases.claim(session, submit(session, store, "evaluate", checkpoint=str(checkpoint)).id, "a", FOREVER)
        assert job is not None
        leases.release(session, store, job.id, job.fence, "crashed")
        last = leases.claim(session, job.id, "a", FOREVER)
        assert last is not None
        for fence in (1, 2):
            folder = storage.attempt_dir(store, job.id, fence)
            write(
                folder,
                "logits/a.npy",
                "masks/a.png",
                "results/part-1/images.parquet",
                "results/merged-0/images.parquet",
            )
        parts.add(session, job.id, folder / "results" / "merged-0", 1)
        result = {"mean_iou": 0.5, "logits": str(folder / "logits")}
        leases.finish(session, job.id, last.fence, catalog.SUCCEEDED, result=result)
    make_old(store, job)
    remove(store, find_leftovers(store))
    kept = {"2/logits/a.npy", "2/masks/a.png", "2/results/merged-0/images.parquet"}
    assert left_in(storage.job_dir(store, job.id)) == kept


def test_drafts_go_from_the_output_of_a_job_that_is_over_unless_another_fills_it(
    store: Settings, tmp_path: Path
) -> None:
    output = tmp_path / "masks"
    with open_session(store) as session:
        job = submit_segment(session, store, output=str(output))
        claimed = leases.claim(session, job.id, "a", FOREVER)
        assert claimed is not None
        write(output, f"masks/{DRAFT}", "masks/a.png", "masks/.mine.tmp")
    assert find_leftovers(store) == []
    with open_session(store) as session:
        leases.finish(session, job.id, claimed.fence, catalog.CANCELLED)
    make_old(store, job)
    remove(store, find_leftovers(store))
    assert left_in(output) == {"masks/a.png", "masks/.mine.tmp"}


def test_lists_of_items_stay_as_long_as_somebody_may_read_them(store: Settings) -> None:
    with open_session(store) as session:
        job = leases.claim(session, submit_segment(session, store).id, "a", FOREVER)
        assert job is not None
        folder = storage.job_dir(store, job.id)
        write(folder, "1/items/0.jsonl", "1/items/100.jsonl", "items.json", "1/log.txt")
        item_lists.begin(session, job.id)
        item_lists.extend(session, job.id, "1/items/0.jsonl", [Cut(100, 100, 0)], has_videos=False)
        leases.release(session, store, job.id, job.fence, "crashed")
        last = leases.claim(session, job.id, "b", FOREVER)
    assert last is not None
    make_old(store, job)
    for found in (find_own_leftovers(store, last), find_leftovers(store)):
        assert [each.path for each in found] == [folder / "1/items/100.jsonl"]  # without a row: nobody will read it
    with open_session(store) as session:
        leases.finish(session, job.id, last.fence, catalog.CANCELLED)
    make_old(store, job)
    remove(store, find_leftovers(store))
    assert left_in(folder) == {"1/log.txt"}
