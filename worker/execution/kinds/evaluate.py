"""Evaluate jobs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from deeplab.datasets.class_names import class_names_of
from deeplab.datasets.split import open_split
from deeplab.datasets.version import split_version
from deeplab.evaluation.evaluate import evaluate
from deeplab.scores.metric_policy import metric_policy
from worker.execution.kinds import JobContext, weights_path
from worker.execution.kinds.inputs import require_inputs
from worker.execution.kinds.recording import ImageRecorder
from worker.jobs import storage
from worker.jobs.cleaning.usage import size_of
from worker.jobs.records import evaluations
from worker.jobs.requests.specs import EvaluateSpec

if TYPE_CHECKING:
    from deeplab.scores.metrics import Scores


def run(context: JobContext) -> dict[str, Any]:
    """Score a checkpoint on a split, and save its logits if asked to.

    Raises:
        InputChangedError: if something was exchanged since the job was submitted.
        CheckpointError: if the checkpoint is gone or damaged, or of another model.
    """
    spec = EvaluateSpec.model_validate(context.job.spec)
    require_inputs(context, splits=[spec.split or context.config.DATASET.SPLIT.VAL])
    logits = storage.logits_dir(context.settings, context.job.id, context.job.fence) if spec.save_logits else None
    recorder = ImageRecorder(context)
    scores = evaluate(
        context.config,
        weights_path(context.settings, spec.checkpoint_ref),
        context.reporter,
        split=spec.split,
        device=spec.device,
        logits_dir=logits,
        logits_dtype=spec.logits_dtype,
        boundary_iou=spec.boundary_iou,
        observe=recorder.add,
        **map_folders(context, save=spec.save_masks),
    )
    recorder.finish()
    record_scores(
        context,
        scores,
        checkpoint=spec.checkpoint,
        dataset=context.job.dataset,
        split=spec.split,
        settings={"inference": context.config.INFERENCE.conditions()},
    )
    saved = {} if logits is None else {"logits_bytes": size_of(logits)}
    return {"mean_iou": scores["mean_iou"], "logits": None if logits is None else str(logits), **saved}


class MapFolders(TypedDict):
    """Folders of maps, as `evaluate` and `refine` take them; None: they are not saved."""

    masks_dir: Path | None
    confidence_dir: Path | None


def map_folders(context: JobContext, *, save: bool) -> MapFolders:
    """Where label maps and maps of confidence of an attempt go."""
    settings, job = context.settings, context.job
    return {
        "masks_dir": storage.label_maps_dir(settings, job.id, job.fence) if save else None,
        "confidence_dir": storage.confidence_dir(settings, job.id, job.fence) if save else None,
    }


def record_scores(
    context: JobContext,
    scores: "Scores",
    *,
    checkpoint: str,
    dataset: str | None,
    split: str | None,
    settings: dict[str, Any],
) -> None:
    """Record scores with the class names and the confusion matrix, under the fence."""
    context.reporter.flush()
    config = context.config
    version = split_version(open_split(config, split or config.DATASET.SPLIT.VAL))
    class_names = class_names_of(config.DATASET)  # read before the transaction, for which others wait
    with context.fenced() as session:
        evaluations.add(
            session,
            context.job.id,
            checkpoint=checkpoint,
            dataset=dataset or config.DATASET.ROOT or config.DATASET.NAME,
            split=split or config.DATASET.SPLIT.VAL,
            settings=settings,
            scores={**scores.as_json(), "labels": class_names},
            confusion=scores.confusion.tolist(),
            policy=metric_policy(config),
            dataset_version=version,
        )
