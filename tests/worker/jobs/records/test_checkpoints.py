from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, add_checkpoint, submit, submit_and_claim
from worker.jobs import jobs, leases
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints, metrics
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings


def test_checkpoints_carry_what_is_shown_of_their_job(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        first, second = add_checkpoint(session, store, job, 10), add_checkpoint(session, store, job, 20)
        checkpoint = checkpoints.get(session, first)
        assert (checkpoint.job_id, checkpoint.iteration, checkpoint.mean_iou) == (job.id, 10, None)
        assert (checkpoint.model, checkpoint.dataset, checkpoint.split) == (job.model, job.dataset, "val")
        assert checkpoint.n_bytes == checkpoint.path.stat().st_size
        assert checkpoints.read_config(session, checkpoint)["DATASET"]["N_CLASSES"] == 3
        assert [each.id for each in checkpoints.list_checkpoints(session)] == [second, first]
        assert [each.id for each in checkpoints.list_checkpoints(session, job.id, limit=1)] == [second]
        assert checkpoints.list_checkpoints(session, job.id + 1) == []


def test_an_attempt_records_one_checkpoint_per_iteration(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        assert add_checkpoint(session, store, job, 10) == add_checkpoint(session, store, job, 10)


def test_a_training_s_own_evaluations_count_as_scores(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        for iteration, mean_iou in ((10, 0.5), (20, 0.75), (30, 0.25)):
            add_checkpoint(session, store, job, iteration, is_best=iteration < 30)
            metrics.add(session, job.id, iteration, {"mean_iou": mean_iou, "loss": 9.0})
        unscored = add_checkpoint(session, store, job, 40)
        found = [(each.iteration, each.mean_iou, each.is_best) for each in checkpoints.list_checkpoints(session)]
        assert found == [(40, None, False), (30, 0.25, False), (20, 0.75, True), (10, 0.5, False)]
        assert checkpoints.get(session, unscored).is_best is False


def files_of(session: Session, job: Job) -> set[int]:
    return {each.iteration for each in checkpoints.list_checkpoints(session, job.id)}


def test_a_checkpoint_is_forgotten_unless_a_job_refers_to_it(store: Settings) -> None:
    images = str(draw_folder(store.home / "sample", n_images=1) / "images")
    config = str(write_config(store.home))
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        numbers = {i: add_checkpoint(session, store, job, i, is_best=i == 20) for i in (10, 20, 30, 40, 50)}
        submit(session, store, "evaluate", checkpoint=str(numbers[30]))
        segment = submit(session, store, "segment", checkpoint=str(numbers[40]), input=images)
        jobs.cancel(session, segment.id)  # it may be cloned
        submit(session, store, "train", config=config, resume=numbers[50])
    with open_session(store) as session:
        paths = {i: checkpoints.discard(session, job.id, i) for i in (*numbers, 60)}
        assert [i for i, files in paths.items() if files] == [10]
        assert paths[10] == [store.home / f"checkpoint-{job.id}-1-10.pth"]
    with open_session(store) as session:
        assert files_of(session, job) == {20, 30, 40, 50}


def test_a_checkpoint_of_every_attempt_is_forgotten_but_of_no_other_job(store: Settings) -> None:
    with open_session(store) as session:
        job, other = submit_and_claim(session, store), submit_and_claim(session, store)
        for each in (job, other):
            add_checkpoint(session, store, each, 10)
        leases.release(session, store, job.id, job.fence, "crashed")
        again = leases.claim(session, job.id, "b", FOREVER)
        assert again is not None
        add_checkpoint(session, store, again, 10)
        assert len(checkpoints.discard(session, job.id, 10)) == 2
        assert (files_of(session, job), files_of(session, other)) == (set(), {10})


def test_submitting_a_checkpoint_that_was_just_forgotten_is_refused(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        number = add_checkpoint(session, store, job)

    def evaluate() -> str:
        try:
            with open_session(store) as session:
                submit(session, store, "evaluate", checkpoint=str(number))
        except SpecError as error:
            return str(error)
        return "submitted"

    with ThreadPoolExecutor() as pool:
        with open_session(store) as session:
            assert checkpoints.discard(session, job.id, 10)
            session.flush()
            submission = pool.submit(evaluate)
            wait([submission], timeout=1)  # it has come to where it has to wait
        assert submission.result() == f"checkpoint: There is no checkpoint {number}."


def test_a_checkpoint_that_is_just_submitted_stays(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        number = add_checkpoint(session, store, job)

    def discard() -> list[Path]:
        with open_session(store) as session:
            return checkpoints.discard(session, job.id, 10)

    with ThreadPoolExecutor() as pool:
        with open_session(store) as session:
            submit(session, store, "evaluate", checkpoint=str(number))
            discarding = pool.submit(discard)
            wait([discarding], timeout=1)
        assert discarding.result() == []


@pytest.mark.parametrize(
    ("resumed", "best"),
    [(40, 20), (10, 10), (30, 20)],  # 20 is the best up to 40, 50 the best of all
)
def test_a_job_that_continues_another_one_begins_with_its_best(store: Settings, resumed: int, best: int) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        numbers = {}
        for iteration, mean_iou in ((10, 0.25), (20, 0.5), (30, 0.375), (40, 0.5), (50, 0.75)):
            numbers[iteration] = add_checkpoint(session, store, job, iteration, is_best=iteration in (10, 20, 50))
            metrics.add(session, job.id, iteration, {"mean_iou": mean_iou})
        heir, grandchild = submit(session, store), submit(session, store)
        checkpoints.inherit_best(session, heir.id, checkpoints.get(session, numbers[resumed]))
        session.expire_all()
        assert jobs.get(session, heir.id).best_checkpoint == numbers[best]
        own = add_checkpoint(session, store, heir, 60)
        checkpoints.inherit_best(session, grandchild.id, checkpoints.get(session, own))
        session.expire_all()
        assert jobs.get(session, grandchild.id).best_checkpoint == numbers[best]


def test_there_may_be_no_best_to_begin_with(store: Settings) -> None:
    with open_session(store) as session:
        job, heir = submit_and_claim(session, store), submit(session, store)
        number = add_checkpoint(session, store, job, 10)
        checkpoints.inherit_best(session, heir.id, checkpoints.get(session, number))
        session.expire_all()
        assert jobs.get(session, heir.id).best_checkpoint is None


def test_the_last_checkpoint_is_the_furthest(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        assert checkpoints.find_last(session, job.id) is None
        for iteration in (10, 30, 20):
            add_checkpoint(session, store, job, iteration)
        last = checkpoints.find_last(session, job.id)
        assert last is not None
        assert last.iteration == 30


def test_an_unknown_checkpoint_is_named(store: Settings) -> None:
    with open_session(store) as session, pytest.raises(checkpoints.CheckpointNotFoundError, match="no checkpoint 7"):
        checkpoints.get(session, 7)


def test_pages_of_checkpoints(store: Settings) -> None:
    with open_session(store) as session:
        job, other = submit_and_claim(session, store), submit_and_claim(session, store)
        ids = [add_checkpoint(session, store, job, iteration) for iteration in (10, 20, 30)]
        elsewhere = add_checkpoint(session, store, other, 10)
        page = checkpoints.read_checkpoint_page(session, before=elsewhere, limit=2)
        assert ([each.id for each in page.lines], page.n_before, page.n_all) == ([ids[2], ids[1]], 1, 4)
        own = checkpoints.read_checkpoint_page(session, job.id, after=ids[0], limit=2)
        assert ([each.id for each in own.lines], own.n_before, own.has_more) == ([ids[2], ids[1]], 0, True)
