"""Turn a request into the configuration that its job will run with, or say which field is wrong.

This happens once, at submission: what the person saw is what runs, whatever happens to the files later.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from deeplab.config import load_config, parse_config
from deeplab.errors import DeepLabError
from deeplab.images.listing import list_images
from worker.jobs import datasets
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.records import checkpoints
from worker.jobs.specs import CrfSpec, EvaluateSpec, SegmentSpec, Spec, SpecError, TrainSpec
from worker.jobs.tables import JobRow

# Keys of a configuration that name files or folders.
PATH_KEYS = (("DATASET", "ROOT"), ("DATASET", "LABELS"), ("MODEL", "INIT_MODEL"))


def resolve_config(session: Session, spec: Spec) -> dict[str, Any]:
    """The whole configuration of a job, defaults included, as JSON values.

    Raises:
        SpecError: naming the field that does not fit and why.
    """
    match spec:
        case TrainSpec():
            return _train_config(session, spec)
        case EvaluateSpec():
            return _checkpoint_config(session, spec)
        case SegmentSpec():
            _check_folders(spec)
            return _checkpoint_config(session, spec)
        case CrfSpec():
            return _crf_config(session, spec)


def lock_checkpoint(session: Session, spec: Spec) -> None:
    """Keep the checkpoint that a request names from being discarded until the transaction ends.

    Raises:
        SpecError: if there is no such checkpoint any more.
    """
    match spec:
        case TrainSpec():
            field, checkpoint_id = "resume", spec.resume
        case EvaluateSpec() | SegmentSpec():
            field, checkpoint_id = "checkpoint", spec.checkpoint_ref.id
        case CrfSpec():
            return
    if checkpoint_id is not None:
        with _blame(field):
            checkpoints.get(session, checkpoint_id, lock=True)


def _train_config(session: Session, spec: TrainSpec) -> dict[str, Any]:
    if spec.resume is not None:
        with _blame("resume"):
            checkpoints.get(session, spec.resume)
    with _blame("config"):
        config = load_config(Path(spec.config))
    return _apply(session, spec, config.model_dump(mode="json"), spec.config)


def _checkpoint_config(session: Session, spec: EvaluateSpec | SegmentSpec) -> dict[str, Any]:
    """The configuration that was named, else the one that the checkpoint was trained with."""
    trained_with: dict[str, Any] | None = None
    ref = spec.checkpoint_ref
    with _blame("checkpoint"):
        if ref.id is not None:
            trained_with = checkpoints.get(session, ref.id).config
        elif not Path(ref.text).is_file():
            raise DeepLabError(f"{ref} is neither the number of a checkpoint nor a file.")
    with _blame("config"):
        if spec.config is not None:
            trained_with = _without_what_is_not_read(load_config(Path(spec.config)).model_dump(mode="json"), spec)
        elif trained_with is None:
            raise DeepLabError(f"is required, because {ref} is a weights file.")
    return _apply(session, spec, trained_with, spec.config or str(ref))


def _without_what_is_not_read(config: dict[str, Any], spec: EvaluateSpec | SegmentSpec) -> dict[str, Any]:
    """A config file serves all kinds of jobs; a path that this kind never opens must not be a reason to refuse it."""
    config["MODEL"]["INIT_MODEL"] = None  # the checkpoint has all weights
    if isinstance(spec, SegmentSpec):
        config["DATASET"]["ROOT"] = None  # the images are those of the input folder
    return config


def _crf_config(session: Session, spec: CrfSpec) -> dict[str, Any]:
    with _blame("evaluate_job"):
        job = session.get(JobRow, spec.evaluate_job)
        if job is None:
            raise DeepLabError(f"There is no job {spec.evaluate_job}.")
        if job.kind != "evaluate" or job.state != SUCCEEDED:
            raise DeepLabError(f"Job {job.id} ({job.kind}, {job.state}) is not a finished evaluate job.")
        if not (job.result or {}).get("logits"):
            raise DeepLabError(f"Job {job.id} was run without saving its logits.")
    with _blame("overrides"):
        return parse_config(job.config, f"job {job.id}", spec.overrides).model_dump(mode="json")


def _apply(
    session: Session, spec: TrainSpec | EvaluateSpec | SegmentSpec, config: Mapping[str, Any], source: str
) -> dict[str, Any]:
    """Put the registered dataset and then the overrides on top of a configuration.

    Relative paths are meant from where the request is made, which a worker elsewhere could not know. (Labels beside
    the config file were found when it was read.)
    """
    merged = dict(config)
    if spec.dataset is not None:
        with _blame("dataset"):
            dataset = datasets.get_by_name(session, spec.dataset)
        merged["DATASET"] = {
            **merged["DATASET"],
            "NAME": "folder",
            "ROOT": dataset.root,
            "LABELS": dataset.labels,
            "N_CLASSES": dataset.n_classes,
        }
    with _blame("overrides"):
        resolved = parse_config(merged, source, spec.overrides).model_dump(mode="json")
    for section, key in PATH_KEYS:
        if resolved[section][key] is not None:
            resolved[section][key] = os.path.abspath(resolved[section][key])  # noqa: PTH100  (links stay links)
    return resolved


def _check_folders(spec: SegmentSpec) -> None:
    with _blame("input"):
        if not list_images(Path(spec.input)):
            raise DeepLabError(f"{spec.input} holds no image.")
    if spec.output is not None:
        with _blame("output"):
            _check_writable(Path(spec.output))


def _check_writable(folder: Path) -> None:
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise DeepLabError(f"{existing} is a file, so {folder} cannot be a folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise DeepLabError(f"{existing} cannot be written to.")


class _blame:  # noqa: N801  (reads as a statement)
    """Turns a failure inside the block into a SpecError about one field."""

    def __init__(self, field: str) -> None:
        self.field = field

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DeepLabError) and not isinstance(error, SpecError):
            raise SpecError({self.field: str(error)}) from None
