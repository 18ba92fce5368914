import pytest

from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker import records
from worker.database import open_session
from worker.settings import Settings

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
