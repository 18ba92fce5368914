"""About how much a job will write, held against what its disk has free when it is submitted.

Known from what like jobs have written: a checkpoint of the same model, the logits of the same split. Where there was no
such job, nothing is said.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import size
from deeplab.room import find_free_bytes
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.ownership.room import least_bytes
from worker.jobs.places import relative
from worker.jobs.requests.specs import EvaluateSpec, Spec, TrainSpec
from worker.jobs.settings import Settings
from worker.jobs.tables import CheckpointRow, JobRow

_WEIGHTS_ALONE = 1.0  # of a checkpoint, at most: the weights that a training leaves beside its last one


def require_room(session: Session, settings: Settings, spec: Spec, config: Mapping[str, Any]) -> None:
    """Refuse a job that would need more room than the disk of the home has now.

    Raises:
        DeepLabError: saying how much it needs and how much there is.
    """
    needed = estimate(session, spec, config) or 0
    free = find_free_bytes(settings.home)
    if free is None:
        return
    room = free - least_bytes(settings)
    if needed > max(room, 0):
        raise DeepLabError(
            f"It will write about {size(needed)}, and the disk of {settings.home} has room for {size(max(room, 0))}."
        )
    if room < 0:
        raise DeepLabError(f"The disk of {settings.home} has less than {size(least_bytes(settings))} free.")


def estimate(session: Session, spec: Spec, config: Mapping[str, Any]) -> int | None:
    """About how many bytes a job will write; None if that is unknown."""
    match spec:
        case TrainSpec():
            return _of_training(session, spec, config)
        case EvaluateSpec() if spec.save_logits:
            return _of_logits(session, spec, config)
    return None


def _of_training(session: Session, spec: TrainSpec, config: Mapping[str, Any]) -> int | None:
    start, n_bytes = _like_checkpoint(session, spec, config)
    if n_bytes is None:
        return None
    solver = config["SOLVER"]
    n_saved: int = max(0, solver["ITER_MAX"] - start) // solver["ITER_SAVE"]
    kept: int = n_saved if solver["KEEP_LAST"] is None else min(n_saved, solver["KEEP_LAST"])
    n_best: int = 0 if solver["EVAL_EVERY"] is None else solver["KEEP_BEST"]
    return round((kept + n_best + 1 + _WEIGHTS_ALONE) * n_bytes)


def _like_checkpoint(session: Session, spec: TrainSpec, config: Mapping[str, Any]) -> tuple[int, int | None]:
    """Iteration at which a training begins, and the size of the checkpoint there, or of the newest of such a model."""
    if spec.resumed_id is not None:
        resumed = session.get_one(CheckpointRow, spec.resumed_id)
        return resumed.iteration, resumed.n_bytes
    n_classes = JobRow.config[("DATASET", "N_CLASSES")].as_integer()
    like = (JobRow.model == config["MODEL"]["NAME"], n_classes == config["DATASET"]["N_CLASSES"])
    query = select(CheckpointRow.n_bytes).join(JobRow, JobRow.id == CheckpointRow.job_id).where(*like)
    return 0, session.scalars(query.order_by(CheckpointRow.id.desc()).limit(1)).first()


def _of_logits(session: Session, spec: EvaluateSpec, config: Mapping[str, Any]) -> int | None:
    like = (
        JobRow.kind == "evaluate",
        JobRow.state == SUCCEEDED,
        JobRow.config[("DATASET", "ROOT")].as_string() == relative(config["DATASET"]["ROOT"] or ""),
        JobRow.config[("DATASET", "N_CLASSES")].as_integer() == config["DATASET"]["N_CLASSES"],
        JobRow.spec["logits_dtype"].as_string() == spec.logits_dtype,
        JobRow.result["logits_bytes"].as_integer() > 0,
    )
    newest = select(JobRow.spec, JobRow.result).where(*like).order_by(JobRow.id.desc()).limit(20)
    for earlier, result in session.execute(newest):
        if earlier["split"] == spec.split:
            return int(result["logits_bytes"])
    return None
