from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.configs import write_config
from tests.worker.store import FOREVER, add_checkpoint, submit
from worker.jobs import leases
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints, evaluations, metrics
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.records.scores import describe_conditions, describe_score
from worker.jobs.settings import Settings

OWN = {"inference": {"MODE": "whole", "SCALES": [1.0], "FLIP": False}}


def train(session: Session, store: Settings, **sections: Any) -> int:
    """A running training on /streets; the number of its checkpoint."""
    config = write_config(store.home, DATASET={"N_CLASSES": 3, "ROOT": "/streets"}, **sections)
    job = leases.claim(session, submit(session, store, config=str(config)).id, "a", FOREVER)
    assert job is not None
    return add_checkpoint(session, store, job)


def score(
    session: Session,
    store: Settings,
    checkpoint: int,
    mean_iou: float,
    split: str = "val",
    settings: dict[str, Any] = OWN,
    dataset: str = "/streets",
) -> None:
    job_id = submit(session, store, "evaluate", checkpoint=str(checkpoint)).id
    scores = {"mean_iou": mean_iou}
    evaluations.add(
        session, job_id, checkpoint=str(checkpoint), dataset=dataset, split=split, settings=settings, scores=scores
    )
    session.flush()


def others(checkpoint: Checkpoint) -> dict[str, float]:
    return {describe_score(each, checkpoint.dataset): each.mean_iou for each in checkpoint.other_scores}


def test_a_crf_and_other_splits_never_are_the_score_of_a_checkpoint(store: Settings) -> None:
    with open_session(store) as session:
        number = train(session, store)
        score(session, store, number, 0.870)
        score(session, store, number, 0.911, settings={**OWN, "crf": {"POS_W": 3}})
        score(session, store, number, 0.9186, split="test")
        score(session, store, number, 0.99, split="train")
        score(session, store, number, 0.95, dataset="/elsewhere/towns")
        checkpoint = checkpoints.get(session, number)
    assert (checkpoint.mean_iou, checkpoint.split) == (0.870, "val")
    assert others(checkpoint) == {"val with CRF": 0.911, "test": 0.9186, "train": 0.99, "towns, val": 0.95}


def test_a_split_alone_that_is_not_the_training_s_is_no_score(store: Settings) -> None:
    with open_session(store) as session:
        number = train(session, store)
        metrics.add(session, 1, 10, {"mean_iou": 0.213})
        score(session, store, number, 0.2186, split="test")
        checkpoint = checkpoints.get(session, number)
    assert (checkpoint.mean_iou, others(checkpoint)) == (0.213, {"test": 0.2186})  # the training's own validation


def test_the_newest_evaluation_counts_even_if_it_is_lower(store: Settings) -> None:
    with open_session(store) as session:
        number = train(session, store)
        metrics.add(session, 1, 10, {"mean_iou": 0.7})
        for mean_iou in (0.6, 0.5):
            score(session, store, number, mean_iou)
            score(session, store, number, mean_iou + 0.1, split="test")
        checkpoint = checkpoints.get(session, number)
    assert (checkpoint.mean_iou, others(checkpoint)) == (0.5, {"test": 0.6})


def test_the_settings_are_those_of_the_training(store: Settings) -> None:
    flipped = {"inference": {**OWN["inference"], "FLIP": True}}
    with open_session(store) as session:
        number = train(session, store, INFERENCE={"FLIP": True})
        score(session, store, number, 0.5, settings=OWN)
        score(session, store, number, 0.4, settings=flipped)
        checkpoint = checkpoints.get(session, number)
    assert (checkpoint.mean_iou, others(checkpoint)) == (0.4, {"val with other settings": 0.5})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ()),
        ({"crf": {}}, ("CRF",)),
        (OWN, ()),
        (
            {"inference": {"MODE": "slide", "WINDOW": 513, "SCALES": [0.5, 1.0], "FLIP": True}, "crf": {}},
            ("slide 513", "scales 0.5, 1", "flip", "CRF"),
        ),
    ],
)
def test_conditions(settings: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert describe_conditions(settings) == expected
