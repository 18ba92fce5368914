"""CRF jobs."""

from pathlib import Path
from typing import Any

from deeplab.crf.grid import parse_grid
from deeplab.crf.refinement import refine
from deeplab.crf.search import best_of, search
from worker.execution.kinds import Attempt
from worker.execution.kinds.evaluate import record_scores
from worker.jobs import jobs, leases, storage, trials
from worker.jobs.database import open_session
from worker.jobs.specs import CrfSpec, EvaluateSpec


def run(attempt: Attempt) -> dict[str, Any]:
    """Refine the logits that an evaluate job saved and score them again, or search the CRF's parameters on them."""
    spec = CrfSpec.model_validate(attempt.job.spec)
    with open_session(attempt.settings, reads_only=True) as session:
        source = jobs.get(session, spec.evaluate_job)
    evaluated = EvaluateSpec.model_validate(source.spec)
    logits = Path((source.result or {})["logits"])  # the request was refused unless the job had saved them
    return _search(attempt, spec, evaluated, logits) if spec.grid else _refine(attempt, spec, evaluated, logits)


def _refine(attempt: Attempt, spec: CrfSpec, evaluated: EvaluateSpec, logits: Path) -> dict[str, Any]:
    """Another evaluation of the checkpoint that was evaluated."""
    scores = refine(attempt.config, logits, attempt.reporter, split=evaluated.split, device=spec.device)
    record_scores(
        attempt,
        scores,
        checkpoint=evaluated.checkpoint,
        dataset=evaluated.dataset,
        split=evaluated.split,
        settings={"crf": attempt.config.CRF.model_dump(mode="json")},
    )
    return {"mean_iou": scores["mean_iou"]}


def _search(attempt: Attempt, spec: CrfSpec, evaluated: EvaluateSpec, logits: Path) -> dict[str, Any]:
    """Trials; no evaluation, because the scores of a sample are none of the split."""
    found = search(
        attempt.config,
        logits,
        parse_grid(spec.grid),
        attempt.reporter,
        split=evaluated.split,
        sample=spec.sample,
        seed=spec.seed,
        device=spec.device,
        save=storage.search_path(attempt.settings, attempt.job.id, attempt.job.fence),
        resume=_earlier(attempt),
    )
    attempt.reporter.flush()
    with leases.fenced(attempt.settings, attempt.job.id, attempt.job.fence) as session:
        trials.add(session, attempt.job.id, [trial.scores for trial in found])
    best = best_of(found)
    return {"mean_iou": best.scores["mean_iou"], "n_images": best.scores["n_images"], "best": best.setting}


def _earlier(attempt: Attempt) -> Path | None:
    """What the attempts before this one have counted."""
    fences = range(attempt.job.fence - 1, 0, -1)
    saved = (storage.search_path(attempt.settings, attempt.job.id, fence) for fence in fences)
    return next((path for path in saved if path.exists()), None)
