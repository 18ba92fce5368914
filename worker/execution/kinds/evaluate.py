"""Evaluate jobs."""

from typing import TYPE_CHECKING, Any

from deeplab.datasets.class_names import class_names_of
from deeplab.evaluate import evaluate
from worker.execution.kinds import Attempt, weights_path
from worker.jobs import leases, storage
from worker.jobs.records import evaluations
from worker.jobs.specs import EvaluateSpec

if TYPE_CHECKING:
    from deeplab.metrics import Scores


def run(attempt: Attempt) -> dict[str, Any]:
    """Score a checkpoint on a split, and save its logits if asked for.

    Raises:
        CheckpointError: if the checkpoint is gone or damaged, or of another model.
    """
    spec = EvaluateSpec.model_validate(attempt.job.spec)
    storage.discard_older_logits(attempt.settings, attempt.job.id, attempt.job.fence)
    logits = storage.logits_dir(attempt.settings, attempt.job.id, attempt.job.fence) if spec.save_logits else None
    scores = evaluate(
        attempt.config,
        weights_path(attempt.settings, spec.checkpoint_ref),
        attempt.reporter,
        split=spec.split,
        device=spec.device,
        logits_dir=logits,
        logits_dtype=spec.logits_dtype,
    )
    record_scores(attempt, scores, checkpoint=spec.checkpoint, dataset=spec.dataset, split=spec.split, settings={})
    return {"mean_iou": scores["mean_iou"], "logits": None if logits is None else str(logits)}


def record_scores(
    attempt: Attempt,
    scores: "Scores",
    *,
    checkpoint: str,
    dataset: str | None,
    split: str | None,
    settings: dict[str, Any],
) -> None:
    """Record scores with the class names and the confusion matrix, under the fence."""
    attempt.reporter.flush()
    config = attempt.config
    with leases.fenced(attempt.settings, attempt.job.id, attempt.job.fence) as session:
        evaluations.add(
            session,
            attempt.job.id,
            checkpoint=checkpoint,
            dataset=dataset or config.DATASET.ROOT or config.DATASET.NAME,
            split=split or config.DATASET.SPLIT.VAL,
            settings=settings,
            scores={
                **scores.as_json(),
                "labels": class_names_of(config.DATASET),
                "confusion": scores.confusion.tolist(),
            },
        )
