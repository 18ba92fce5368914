"""The scores of checkpoints: one number of each that can be compared within its training, and all others beside it.

The number is the mean IoU on the split that the training validates on, of the model alone, under the inference
settings of the training: by the newest such evaluation, else by the training's own validation. What another split,
another dataset, other settings or a CRF scored says something else, and never takes its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from deeplab.schema import Inference
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.tables import CheckpointRow, EvaluationRow, JobRow, MetricRow


@dataclass(frozen=True)
class Score:
    """A mean IoU that an evaluation found, and what it was of."""

    job_id: int  # the evaluate or crf job
    mean_iou: float
    dataset: str
    split: str
    conditions: tuple[str, ...]  # in a word or two each: "flip", "CRF"


@dataclass(frozen=True)
class Training:
    """What is shown of the job of a checkpoint, and what its checkpoints are scored on."""

    model: str
    best_checkpoint: int | None
    dataset: str
    split: str
    inference: Mapping[str, Any]  # deeplab.schema.Inference.conditions() of its configuration


@dataclass(frozen=True)
class CheckpointScores:
    """The scores of one checkpoint."""

    mean_iou: float | None  # that of the training's split; None if nothing measured it
    others: tuple[Score, ...]  # the newest of each other dataset, split and settings


def describe_conditions(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What an evaluation did beside running the network once on each image, in a word or two each."""
    looked = settings.get("inference", {})
    scales = looked.get("SCALES", [1])
    said = (
        f"slide {looked.get('WINDOW')}" if looked.get("MODE") == "slide" else "",
        "scales " + ", ".join(f"{scale:g}" for scale in scales) if scales != [1] else "",
        "flip" if looked.get("FLIP") else "",
        "CRF" if "crf" in settings else "",
    )
    return tuple(each for each in said if each)


def describe_score(score: Score, dataset: str) -> str:
    """What a score is of: "test", "val with CRF", "street, val"; `dataset` is that of its checkpoint's training."""
    elsewhere = "" if score.dataset == dataset else f"{PurePath(score.dataset).name or score.dataset}, "
    conditions = f" with {', '.join(score.conditions)}" if score.conditions else ""
    return f"{elsewhere}{score.split}{conditions}"


def read_trainings(session: Session, job_ids: set[int]) -> dict[int, Training]:
    """Read what belongs to checkpoints of their jobs, by id; of the configurations only the parts that are needed."""
    split = JobRow.config[("DATASET", "SPLIT", "VAL")].as_string().label("split")
    inference = JobRow.config["INFERENCE"].label("inference")
    columns = (JobRow.id, JobRow.model, JobRow.best_checkpoint, JobRow.dataset, split, inference)
    return {
        row.id: Training(
            model=row.model,
            best_checkpoint=row.best_checkpoint,
            dataset=row.dataset or "",
            split=row.split or "",
            inference=Inference.model_validate(row.inference or {}).conditions(),
        )
        for row in session.execute(select(*columns).where(JobRow.id.in_(job_ids)))
    }


def read_scores(
    session: Session, checkpoints: Sequence[CheckpointRow], trainings: Mapping[int, Training]
) -> dict[int, CheckpointScores]:
    """Read the scores of checkpoints by their ids, in two queries for any number of them."""
    validated = _validations(session, checkpoints)
    evaluated: dict[str, list[Any]] = {}
    columns = (EvaluationRow.job_id, EvaluationRow.checkpoint, EvaluationRow.dataset, EvaluationRow.split)
    texts = [CheckpointRef.of_id(row.id).text for row in checkpoints]
    query = select(*columns, EvaluationRow.settings, EvaluationRow.mean_iou).where(EvaluationRow.checkpoint.in_(texts))
    for found in session.execute(query.order_by(EvaluationRow.id.desc())):
        evaluated.setdefault(found.checkpoint, []).append(found)
    return {
        row.id: _scores(trainings[row.job_id], evaluated.get(text, []), validated.get(row.id))
        for row, text in zip(checkpoints, texts, strict=True)
    }


def _scores(training: Training, evaluations: Sequence[Any], validation: float | None) -> CheckpointScores:
    """Tell the evaluations of one checkpoint apart; they come the newest first."""
    own = [each.mean_iou for each in evaluations if _is_own(training, each)]
    others: dict[tuple[Any, ...], Score] = {}
    for each in evaluations:
        if not _is_own(training, each):
            conditions = describe_conditions(each.settings)
            if (each.dataset, each.split, conditions) == (training.dataset, training.split, ()):
                conditions = ("other settings",)
            score = Score(each.job_id, each.mean_iou, each.dataset, each.split, conditions)
            others.setdefault((each.dataset, each.split, conditions), score)
    return CheckpointScores(own[0] if own else validation, tuple(others.values()))


def _is_own(training: Training, evaluation: Any) -> bool:
    """Whether an evaluation is of the training's split, of the model alone and under the training's settings."""
    return (
        (evaluation.dataset, evaluation.split) == (training.dataset, training.split)
        and "crf" not in evaluation.settings
        and evaluation.settings.get("inference", training.inference) == training.inference
    )


def _validations(session: Session, checkpoints: Sequence[CheckpointRow]) -> dict[int, float]:
    """The mean IoU that trainings found themselves at the iterations of checkpoints, by the checkpoints' ids."""
    same_iteration = and_(MetricRow.job_id == CheckpointRow.job_id, MetricRow.iteration == CheckpointRow.iteration)
    query = (
        select(CheckpointRow.id, MetricRow.value)
        .join(MetricRow, same_iteration)
        .where(MetricRow.name == "mean_iou", CheckpointRow.id.in_([row.id for row in checkpoints]))
    )
    return dict(session.execute(query).all())
