"""What lists show and search of a job's request and configuration, as columns: neither has to be read for a list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs import dataset_versions, datasets
from worker.jobs.places import relative
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.specs import (
    CheckpointSpec,
    CheckSpec,
    CrfSpec,
    ImportSpec,
    OnnxSpec,
    RegisterSpec,
    SegmentSpec,
    Spec,
    TrainSpec,
    TrySpec,
)
from worker.jobs.tables import CheckpointRow, JobRow


@dataclass(frozen=True)
class Facts:
    """Columns of a job that follow from what was asked for."""

    model: str  # MODEL.NAME
    dataset: str | None  # the registered name, else the folder, else the layout; None for a segment job
    dataset_version: str | None  # its newest version, if it is registered and has one
    checkpoint: str | None  # the text of the CheckpointRef that the job starts from
    evaluate_job: int | None  # of a crf job


def facts_of(session: Session, spec: Spec, config: Mapping[str, Any]) -> Facts:
    """Take the columns from a request and the configuration that was resolved for it."""
    checkpoint = None
    match spec:
        case TrainSpec():
            checkpoint = None if spec.resumed_id is None else CheckpointRef.of_id(spec.resumed_id).text
        case CheckpointSpec():
            checkpoint = spec.checkpoint
    dataset = _dataset(session, spec, config, checkpoint)
    return Facts(
        model="" if isinstance(spec, CheckSpec | ImportSpec) else config["MODEL"]["NAME"],
        dataset=dataset,
        dataset_version=_version_of(session, dataset, config),
        checkpoint=checkpoint,
        evaluate_job=spec.evaluate_job if isinstance(spec, CrfSpec) else None,
    )


def _dataset(session: Session, spec: Spec, config: Mapping[str, Any], checkpoint: str | None) -> str | None:
    if isinstance(spec, SegmentSpec | TrySpec | OnnxSpec):
        return None
    if not isinstance(spec, CrfSpec) and (spec.dataset is not None or isinstance(spec, RegisterSpec)):
        return spec.dataset
    source = spec.evaluate_job if isinstance(spec, CrfSpec) else trained_by(session, checkpoint)
    own = config["DATASET"]
    root = JobRow.config[("DATASET", "ROOT")].as_string()
    inherited = session.execute(select(JobRow.dataset, root.label("root")).where(JobRow.id == source)).one_or_none()
    here = None if own["ROOT"] is None else relative(own["ROOT"])  # as rows have it
    if inherited is not None and inherited.root == here:  # else another folder was asked for
        dataset: str | None = inherited.dataset
        return dataset
    return str(own["ROOT"] or own["NAME"])


def _version_of(session: Session, dataset: str | None, config: Mapping[str, Any]) -> str | None:
    """The newest version of a registered dataset, if the configuration is still of its folder."""
    registered = None if dataset is None else datasets.find(session, dataset)
    if registered is None or registered.root != config["DATASET"]["ROOT"]:
        return None
    return dataset_versions.newest_digest(session, registered.id)


def trained_by(session: Session, checkpoint: str | None) -> int | None:
    """The job that saved a checkpoint of this platform, or will."""
    ref = None if checkpoint is None else CheckpointRef.parse(checkpoint)
    if ref is None or ref.job_id is not None:
        return None if ref is None else ref.job_id
    return session.scalar(select(CheckpointRow.job_id).where(CheckpointRow.id == ref.id))
