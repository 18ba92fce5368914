"""Whether the weights that a job names are there and are those of its model, as far as names and shapes tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.config import Config, parse_config
from deeplab.errors import CheckpointError
from deeplab.files import printable
from deeplab.mirrors import local_path
from deeplab.model_shapes import backbone_landmarks, count_classes, find_difference, head_landmarks
from deeplab.training.same_run import list_differences
from deeplab.weight_shapes import Shape, read_shapes
from worker.jobs import jobs
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.specs import EvaluateSpec, SegmentSpec, Spec, TrainSpec
from worker.jobs.tables import JobRow


@dataclass(frozen=True)
class Trained:
    """What is known of the checkpoint that a request names."""

    name: str  # "checkpoint 3", "the checkpoint of job 12"
    path: Path | None  # of its file; None: it has yet to be saved
    config: Mapping[str, Any]  # of its training

    @property
    def subject(self) -> str:
        """Its name at the beginning of a sentence."""
        return self.name[:1].upper() + self.name[1:]


def find_trained(session: Session, spec: Spec, earlier: Mapping[int, JobRow]) -> Trained | None:
    """Find the checkpoint of this platform that a request names; None if it names none, or a weights file.

    Args:
        session: reads.
        spec: the request.
        earlier: jobs that will be submitted together with this one, by the ids that stand for them until then.

    Raises:
        CheckpointNotFoundError, JobNotFoundError: if it was deleted since the request was resolved.
    """
    match spec:
        case TrainSpec():
            ref = None if spec.resumed_id is None else CheckpointRef.of_id(spec.resumed_id)
        case EvaluateSpec() | SegmentSpec():
            ref = spec.checkpoint_ref
        case _:
            ref = None
    if ref is None:
        return None
    if ref.id is not None:
        saved = checkpoints.get(session, ref.id)
        return Trained(str(ref), saved.path, checkpoints.read_config(session, saved))
    if ref.job_id is None:
        return None
    if ref.job_id in earlier:
        return Trained("the checkpoint of the training before it", None, earlier[ref.job_id].config)
    return Trained(str(ref), None, jobs.get(session, ref.job_id).config)


def require_trained(trained: Trained, config: Config, *, resumes: bool) -> None:
    """Refuse a checkpoint whose file is gone, that is of another model or of other classes.

    To be resumed, its training must have had the same settings, too.

    Raises:
        CheckpointError: saying how they differ.
    """
    if trained.path is not None and not remote.is_file(trained.path):
        raise CheckpointError(f"{trained.subject} is gone: there is no file {printable(trained.path)}.")
    if resumes:
        differing = list_differences(config, trained.config, trained.name)
        if differing:
            raise CheckpointError(f"{trained.subject} is of a run with other settings: {', '.join(differing)}.")
        return
    there = parse_config(trained.config, trained.name)
    _require_classes(trained.subject, there.DATASET.N_CLASSES, config)
    shapes = _shapes_of(there)
    if difference := find_difference(config, shapes):
        raise CheckpointError(f"{trained.subject} is of another model: {difference}.")


def require_weights(path: Path, config: Config) -> None:
    """Refuse a weights file that is of another model or of other classes.

    Raises:
        CheckpointError: saying how they differ.
        OSError: if the file cannot be read.
    """
    shapes = read_shapes(remote.fetch(path))
    if not shapes:
        return
    count = count_classes(config, shapes)
    if count is not None:
        _require_classes(printable(path), count, config)
    if difference := find_difference(config, shapes):
        raise CheckpointError(f"{printable(path)}: holds the weights of another model: {difference}.")


def require_initial_weights(config: Config) -> None:
    """Refuse initial weights that are not there, or of another backbone.

    Raises:
        CheckpointError: naming the file.
        OSError: if the file cannot be read.
    """
    if config.MODEL.INIT_MODEL is None:
        return
    path = local_path(config.MODEL.INIT_MODEL)
    if not remote.is_file(path):
        raise CheckpointError(f"MODEL.INIT_MODEL is {printable(path)}; there is no such file.")
    if difference := find_difference(config, read_shapes(remote.fetch(path)), head=False):
        raise CheckpointError(f"{printable(path)}: has another backbone: {difference}.")


def _require_classes(subject: str, count: int, config: Config) -> None:
    if count != config.DATASET.N_CLASSES:
        raise CheckpointError(f"{subject} has {count} classes, and the dataset has {config.DATASET.N_CLASSES}.")


def _shapes_of(config: Config) -> dict[str, Shape]:
    """The shapes of a model's landmarks, as its files have them."""
    landmarks = backbone_landmarks(config) | head_landmarks(config)
    return {name: shape for name, shape in landmarks.items() if shape is not None}
