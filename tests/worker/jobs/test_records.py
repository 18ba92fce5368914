from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, add_checkpoint, submit, submit_and_claim, write_config
from worker.jobs import jobs, leases, records
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings
from worker.jobs.specs import SpecError

SCORES = {"mean_iou": 0.5, "labels": ["sky", "road"], "n_images": 3}


def test_metrics_of_a_repeated_iteration_are_replaced(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        records.add_metrics(session, job.id, 20, {"loss": 0.5, "lr/group0": 0.1})
        records.add_metrics(session, job.id, 10, {"loss": 0.9})
    with open_session(store) as session:
        records.add_metrics(session, job.id, 20, {"loss": 0.25})
    with open_session(store) as session:
        assert records.metrics_of(session, job.id) == {"loss": [[10, 0.9], [20, 0.25]], "lr/group0": [[20, 0.1]]}
        assert records.metrics_of(session, job.id, ["loss"], after=10) == {"loss": [[20, 0.25]]}


def test_checkpoints_carry_their_job_s_configuration_and_best_score(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        first, second = add_checkpoint(session, store, job, 10), add_checkpoint(session, store, job, 20)
        for mean_iou in (0.5, 0.75, 0.25):
            evaluation = {**SCORES, "mean_iou": mean_iou}
            records.add_evaluation(
                session,
                submit(session, store).id,
                checkpoint=str(first),
                dataset="streets",
                split="val",
                settings={},
                scores=evaluation,
            )
        checkpoint = records.get_checkpoint(session, first)
        assert (checkpoint.job_id, checkpoint.iteration, checkpoint.mean_iou) == (job.id, 10, 0.75)
        assert checkpoint.n_bytes == checkpoint.path.stat().st_size
        assert checkpoint.config["DATASET"]["N_CLASSES"] == 3
        assert [each.id for each in records.list_checkpoints(session)] == [second, first]
        assert [each.id for each in records.list_checkpoints(session, job.id, limit=1)] == [second]
        assert records.list_checkpoints(session, job.id + 1) == []


def test_an_attempt_records_one_checkpoint_per_iteration(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        assert add_checkpoint(session, store, job, 10) == add_checkpoint(session, store, job, 10)


def test_a_training_s_own_evaluations_count_as_scores(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        for iteration, mean_iou in ((10, 0.5), (20, 0.75), (30, 0.25)):
            add_checkpoint(session, store, job, iteration, is_best=iteration < 30)
            records.add_metrics(session, job.id, iteration, {"mean_iou": mean_iou, "loss": 9.0})
        unscored = add_checkpoint(session, store, job, 40)
        found = [(each.iteration, each.mean_iou, each.is_best) for each in records.list_checkpoints(session)]
        assert found == [(40, None, False), (30, 0.25, False), (20, 0.75, True), (10, 0.5, False)]
        assert records.get_checkpoint(session, unscored).is_best is False


def files_of(session: Session, job: Job) -> set[int]:
    return {each.iteration for each in records.list_checkpoints(session, job.id)}


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
        paths = {i: records.discard_checkpoints(session, job.id, i) for i in (*numbers, 60)}
        assert [i for i, files in paths.items() if files] == [10]
        assert paths[10] == [store.home / f"checkpoint-{job.id}-1-10.pth"]
    with open_session(store) as session:
        assert files_of(session, job) == {20, 30, 40, 50}


def test_a_checkpoint_of_every_attempt_is_forgotten_but_of_no_other_job(store: Settings) -> None:
    with open_session(store) as session:
        job, other = submit_and_claim(session, store), submit_and_claim(session, store)
        for each in (job, other):
            add_checkpoint(session, store, each, 10)
        leases.release(session, job.id, job.fence, "crashed")
        again = leases.claim(session, job.id, "b", FOREVER)
        assert again is not None
        add_checkpoint(session, store, again, 10)
        assert len(records.discard_checkpoints(session, job.id, 10)) == 2
        assert (files_of(session, job), files_of(session, other)) == (set(), {10})


def test_who_submits_a_checkpoint_that_is_just_forgotten_is_told(store: Settings) -> None:
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
            assert records.discard_checkpoints(session, job.id, 10)
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
            return records.discard_checkpoints(session, job.id, 10)

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
            records.add_metrics(session, job.id, iteration, {"mean_iou": mean_iou})
        heir, grandchild = submit(session, store), submit(session, store)
        records.inherit_best(session, heir.id, records.get_checkpoint(session, numbers[resumed]))
        session.expire_all()
        assert jobs.get(session, heir.id).best_checkpoint == numbers[best]
        own = add_checkpoint(session, store, heir, 60)
        records.inherit_best(session, grandchild.id, records.get_checkpoint(session, own))
        session.expire_all()
        assert jobs.get(session, grandchild.id).best_checkpoint == numbers[best]


def test_there_may_be_no_best_to_begin_with(store: Settings) -> None:
    with open_session(store) as session:
        job, heir = submit_and_claim(session, store), submit(session, store)
        number = add_checkpoint(session, store, job, 10)
        records.inherit_best(session, heir.id, records.get_checkpoint(session, number))
        session.expire_all()
        assert jobs.get(session, heir.id).best_checkpoint is None


def test_the_last_checkpoint_is_the_furthest(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        assert records.last_checkpoint(session, job.id) is None
        for iteration in (10, 30, 20):
            add_checkpoint(session, store, job, iteration)
        last = records.last_checkpoint(session, job.id)
        assert last is not None
        assert last.iteration == 30


def test_an_unknown_checkpoint_is_named(store: Settings) -> None:
    with open_session(store) as session, pytest.raises(records.CheckpointNotFoundError, match="no checkpoint 7"):
        records.get_checkpoint(session, 7)


def test_scores_of_a_repeated_attempt_replace_the_earlier_ones(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert records.evaluation_of(session, job.id) is None
        for mean_iou in (0.25, 0.5):
            records.add_evaluation(
                session,
                job.id,
                checkpoint="weights.pth",
                dataset="streets",
                split="val",
                settings={"crf": {"POS_W": 3.0}},
                scores={**SCORES, "mean_iou": mean_iou},
            )
        [evaluation] = records.list_evaluations(session)
        assert records.evaluation_of(session, job.id) == evaluation
        assert (evaluation.mean_iou, evaluation.scores, evaluation.split) == (0.5, SCORES, "val")
        assert evaluation.settings == {"crf": {"POS_W": 3.0}}


def test_events_come_in_order(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        for message in ("first", "second"):
            records.add_event(session, job.id, 4, message)
        events = records.events_of(session, job.id)
        assert [(each.message, each.fence) for each in events] == [("submitted", 0), ("first", 4), ("second", 4)]
        assert events[0].at <= events[1].at <= events[2].at
