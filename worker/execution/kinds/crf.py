"""CRF jobs."""

from pathlib import Path
from typing import Any

from deeplab.config import parse_config
from deeplab.crf.grid import parse_grid
from deeplab.crf.refinement import refine
from deeplab.crf.search import best_of, search
from worker.execution.kinds import JobContext
from worker.execution.kinds.evaluate import map_folders, record_scores
from worker.execution.kinds.inputs import require_inputs
from worker.execution.kinds.recording import ImageRecorder
from worker.jobs import jobs, storage
from worker.jobs.database import open_session
from worker.jobs.records import trials
from worker.jobs.requests.specs import CrfSpec, EvaluateSpec


def run(context: JobContext) -> dict[str, Any]:
    """Refine the logits that an evaluate job saved and score them again, or search the CRF's parameters on them."""
    spec = CrfSpec.model_validate(context.job.spec)
    with open_session(context.settings, reads_only=True) as session:
        source = jobs.get(session, spec.evaluate_job)
    evaluated = EvaluateSpec.model_validate(source.spec)
    require_inputs(context, splits=[evaluated.split or context.config.DATASET.SPLIT.VAL])
    logits = Path((source.result or {})["logits"])  # a request for a job without logits was refused
    if spec.grid:
        return _search(context, spec, evaluated, logits)
    looked = parse_config(source.config, f"job {source.id}").INFERENCE.conditions()
    return _refine(context, spec, evaluated, logits, looked)


def _refine(
    context: JobContext, spec: CrfSpec, evaluated: EvaluateSpec, logits: Path, looked: dict[str, Any]
) -> dict[str, Any]:
    """Refine the whole split: another evaluation of the same checkpoint, which looked at the images in the same way."""
    recorder = ImageRecorder(context)
    scores = refine(
        context.config,
        logits,
        context.reporter,
        split=evaluated.split,
        device=spec.device,
        boundary_iou=spec.boundary_iou,
        observe=recorder.add,
        **map_folders(context, save=spec.save_masks),
    )
    recorder.finish()
    record_scores(
        context,
        scores,
        checkpoint=evaluated.checkpoint,
        dataset=context.job.dataset,
        split=evaluated.split,
        settings={"inference": looked, "crf": context.config.CRF.model_dump(mode="json")},
    )
    return {"mean_iou": scores["mean_iou"]}


def _search(context: JobContext, spec: CrfSpec, evaluated: EvaluateSpec, logits: Path) -> dict[str, Any]:
    """Score every setting of the grid. This records trials and no evaluation: a subset's scores are not the split's."""
    found = search(
        context.config,
        logits,
        parse_grid(spec.grid),
        context.reporter,
        split=evaluated.split,
        sample=spec.sample,
        seed=spec.seed,
        device=spec.device,
        save=storage.search_path(context.settings, context.job.id, context.job.fence),
        resume=_earlier(context),
    )
    context.reporter.flush()
    with context.fenced() as session:
        trials.add(session, context.job.id, [trial.scores for trial in found])
    best = best_of(found)
    return {"mean_iou": best.scores["mean_iou"], "n_images": best.scores["n_images"], "best": best.setting}


def _earlier(context: JobContext) -> Path | None:
    """Find what the newest of the attempts before this one has counted."""
    fences = range(context.job.fence - 1, 0, -1)
    saved = (storage.search_path(context.settings, context.job.id, fence) for fence in fences)
    return next((path for path in saved if path.exists()), None)
