"""CRF jobs."""

from pathlib import Path
from typing import Any

from deeplab.crf import refine
from worker import jobs
from worker.database import open_session
from worker.kinds import Attempt
from worker.kinds.evaluate import record_scores
from worker.specs import CrfSpec, EvaluateSpec


def run(attempt: Attempt) -> dict[str, Any]:
    """Refine the logits that an evaluate job saved and score them again, as another evaluation of its checkpoint."""
    spec = CrfSpec.model_validate(attempt.job.spec)
    with open_session(attempt.settings, reads_only=True) as session:
        source = jobs.get(session, spec.evaluate_job)
    evaluated = EvaluateSpec.model_validate(source.spec)
    logits = (source.result or {})["logits"]  # the request was refused unless the job had succeeded and saved them
    scores = refine(attempt.config, Path(logits), attempt.reporter, split=evaluated.split)
    record_scores(
        attempt,
        scores,
        checkpoint=evaluated.checkpoint,
        dataset=evaluated.dataset,
        split=evaluated.split,
        settings={"crf": attempt.config.CRF.model_dump(mode="json")},
    )
    return {"mean_iou": scores["mean_iou"]}
