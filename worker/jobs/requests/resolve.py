"""Resolve a request into the whole configuration that its job runs with, or say which field is wrong.

This happens once, at submission: later edits of the files do not change what runs.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.config import PATH_KEYS as ALL_PATH_KEYS
from deeplab.config import expand_path, load_config, parse_config
from deeplab.errors import DeepLabError
from deeplab.files import printable
from deeplab.images.files import image_size
from deeplab.inference.inputs import require_inputs
from deeplab.inference.output import require_unused
from deeplab.inference.output_lock import require_unfilled
from deeplab.mirrors import absolute, local_path, mirror_of
from deeplab.weight_files import explain_unreadable
from worker.jobs import datasets, shards
from worker.jobs.catalog import CANCELLED, FAILED, LARGEST_INTEGER, SUCCEEDED, TERMINAL
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    CheckpointSpec,
    CheckSpec,
    CrfSpec,
    EvaluateSpec,
    ImportSpec,
    InferenceSpec,
    OnnxSpec,
    RegisterSpec,
    SegmentSpec,
    Spec,
    TrainSpec,
    TrySpec,
)
from worker.jobs.tables import JobRow

# Keys of a configuration that name files or folders which a job reads.
PATH_KEYS = tuple(each for each in ALL_PATH_KEYS if each != ("EXP", "OUTPUT_DIR"))

Environment = Mapping[str, str] | None
LARGEST_TRIED = 2**26  # pixels of an image that is tried
_EMPTY: Environment = MappingProxyType({})
_ALONE: Mapping[int, JobRow] = MappingProxyType({})


def resolve_config(
    session: Session, spec: Spec, environment: Environment = None, earlier: Mapping[int, JobRow] = _ALONE
) -> dict[str, Any]:
    """The whole configuration of a job, defaults included, as JSON values.

    Args:
        session: reads.
        spec: the request.
        environment: variables that `$NAME` in paths stands for; None: for a request from somebody who must not read
            them, such as over HTTP.

    Raises:
        SpecError: naming the field that does not fit and why.
    """
    match spec:
        case TrainSpec():
            return _train_config(session, spec, environment)
        case EvaluateSpec():
            return _checkpoint_config(session, spec, environment, earlier)
        case SegmentSpec():
            _check_folders(spec)
            if spec.only_failed_of is not None:
                _check_failed(session, spec, spec.only_failed_of)
            return _checkpoint_config(session, spec, environment, earlier)
        case CrfSpec():
            return _crf_config(session, spec, environment, earlier)
        case RegisterSpec():
            return _registered_config(session, spec, environment)
        case OnnxSpec() | TrySpec():
            return _saved_config(session, spec, environment)
        case CheckSpec():
            return _check_config(session, spec, environment)
        case ImportSpec():
            return _import_config(session, spec)


def lock_checkpoint(session: Session, spec: Spec) -> None:
    """Keep the checkpoint that a request names from being discarded until the transaction ends.

    Raises:
        SpecError: if there is no such checkpoint any more.
    """
    match spec:
        case TrainSpec():
            field, checkpoint_id = "resume", spec.resumed_id
        case CheckpointSpec():
            field, checkpoint_id = "checkpoint", spec.checkpoint_ref.id
        case _:
            return
    if checkpoint_id is not None:
        with errors_at(field):
            checkpoints.get(session, checkpoint_id, lock=True)


def _train_config(session: Session, spec: TrainSpec, environment: Environment) -> dict[str, Any]:
    resumed = None
    if spec.resumed_id is not None:
        with errors_at("resume"):
            resumed = checkpoints.get(session, spec.resumed_id)
    with errors_at("config", environment):
        config = load_config(local_path(spec.config), expands=False)
    resolved = _apply(session, spec, config.model_dump(mode="json"), spec.config, environment)
    length = resolved["SOLVER"]["ITER_MAX"]
    if resumed is not None and resumed.iteration > length:
        raise SpecError(
            {
                "resume": f"Checkpoint {resumed.id} is at iteration {resumed.iteration}; to continue from it,"
                f" SOLVER.ITER_MAX must be greater than that, not {length}."
            }
        )
    batch_size = resolved["SOLVER"]["BATCH_SIZE"]["TRAIN"]
    if batch_size % spec.gpus:
        raise SpecError(
            {"gpus": f"must divide SOLVER.BATCH_SIZE.TRAIN, {batch_size}, which they share equally; got {spec.gpus}."}
        )
    return resolved


def _registered_config(session: Session, spec: RegisterSpec, environment: Environment) -> dict[str, Any]:
    """The configuration of a weights file, without the data that nothing of it is read for yet."""
    with errors_at("file", environment):
        if not remote.is_file(local_path(spec.file)):
            raise DeepLabError(f"{spec.file} is not a file.")
        _check_weights(local_path(spec.file))
    with errors_at("config", environment):
        config = load_config(local_path(spec.config), expands=False).model_dump(mode="json")
    config["MODEL"]["INIT_MODEL"] = None
    config["DATASET"]["ROOT"] = None
    return _apply(session, spec, config, spec.config, environment)


def _saved_config(session: Session, spec: OnnxSpec | TrySpec, environment: Environment) -> dict[str, Any]:
    """The configuration that a checkpoint was trained with, with the overrides."""
    if isinstance(spec, TrySpec):
        with errors_at("image", environment):
            _check_image(local_path(spec.image))
    trained_with = _trained_with(session, spec.checkpoint_ref)
    with errors_at("overrides", environment):
        resolved = _parse(trained_with, str(spec.checkpoint_ref), spec.overrides)
        _expand_paths(resolved, trained_with, environment)
    return resolved


def _trained_with(session: Session, ref: CheckpointRef, earlier: Mapping[int, JobRow] = _ALONE) -> dict[str, Any]:
    """The configuration of a checkpoint of this platform, or of one that a job will save."""
    with errors_at("checkpoint"):
        if ref.job_id is not None:
            return _config_of_training(session, earlier.get(ref.job_id) or _get_job(session, ref.job_id))
        return checkpoints.read_config(session, checkpoints.get(session, ref.id or 0))


def _checkpoint_config(
    session: Session, spec: InferenceSpec, environment: Environment, earlier: Mapping[int, JobRow]
) -> dict[str, Any]:
    """Take the configuration that was named, else the one that the checkpoint was trained with."""
    trained_with: dict[str, Any] | None = None
    ref = spec.checkpoint_ref
    if not ref.is_file:
        trained_with = _trained_with(session, ref, earlier)
    else:
        with errors_at("checkpoint"):
            if not remote.is_file(local_path(ref.text)):
                raise DeepLabError(f"{ref} is neither the id or alias of a checkpoint nor a file.")
    with errors_at("config", environment):
        if spec.config is not None:
            config = load_config(local_path(spec.config), expands=False)
            trained_with = _without_unused_paths(config.model_dump(mode="json"), spec)
        elif trained_with is None:
            raise DeepLabError(f"is required, because {ref} is a weights file.")
    if ref.is_file:
        with errors_at("checkpoint", environment):
            _check_weights(local_path(ref.text))
    return _apply(session, spec, trained_with, spec.config or str(ref), environment)


def _config_of_training(session: Session, job: JobRow) -> dict[str, Any]:
    """The configuration of a job that saves checkpoints, or will."""
    if job.kind not in ("train", "register"):
        raise DeepLabError(f"Job {job.id} is of kind {job.kind}; expected one of kind train or register.")
    if job.state == SUCCEEDED and checkpoints.find_last(session, job.id) is None:
        raise DeepLabError(f"Job {job.id} has left no checkpoint.")
    return job.config


def _get_job(session: Session, job_id: int) -> JobRow:
    job = session.get(JobRow, job_id) if job_id <= LARGEST_INTEGER else None  # databases refuse to look for others
    if job is None:
        raise DeepLabError(f"There is no job {job_id}.")
    return job


def _without_unused_paths(config: dict[str, Any], spec: InferenceSpec) -> dict[str, Any]:
    """Drop the paths that this kind of job never opens, so that they are no reason to refuse it."""
    config["MODEL"]["INIT_MODEL"] = None  # the checkpoint has all weights
    if isinstance(spec, SegmentSpec):
        config["DATASET"]["ROOT"] = None  # the images are those of the input folder
    return config


def _crf_config(
    session: Session, spec: CrfSpec, environment: Environment, earlier: Mapping[int, JobRow]
) -> dict[str, Any]:
    with errors_at("evaluate_job"):
        job = earlier.get(spec.evaluate_job) or _get_job(session, spec.evaluate_job)
        if job.kind != "evaluate":
            raise DeepLabError(f"Job {job.id} is of kind {job.kind}; expected one of kind evaluate.")
        if job.state in (FAILED, CANCELLED):
            ended = "was cancelled" if job.state == CANCELLED else "failed"
            raise DeepLabError(f"Job {job.id} {ended}, and has no logits.")
        saves = (job.result or {}).get("logits") if job.state == SUCCEEDED else job.spec["save_logits"]
        if not saves:
            raise DeepLabError(f"Job {job.id} saves no logits.")
    with errors_at("overrides"):
        resolved = _parse(job.config, f"job {job.id}", spec.overrides)
        _expand_paths(resolved, job.config, environment)
    return resolved


def _check_config(session: Session, spec: CheckSpec, environment: Environment) -> dict[str, Any]:
    with errors_at("dataset"):
        dataset = datasets.get_by_name(session, spec.dataset)
    if spec.split is not None and spec.split not in dataset.splits:
        known = ", ".join(dataset.splits)
        raise SpecError({"split": f"{spec.split!r} is no split of {dataset.name}; its splits are {known}."})
    with errors_at("overrides", environment):
        resolved = datasets.config_of(dataset, spec.overrides).model_dump(mode="json")
    with errors_at("overrides"):
        _expand_paths(resolved, {"DATASET": datasets.section_of(dataset)}, environment)
    return resolved


def _import_config(session: Session, spec: ImportSpec) -> dict[str, Any]:
    """Refuse what cannot be imported. No key of a configuration counts, so that it is the least that is valid."""
    if spec.overrides:
        raise SpecError({"overrides": "An import reads no configuration."})
    with errors_at("dataset"):
        datasets.require_free(session, spec.dataset)
    if spec.upload is None:
        with errors_at("source"):
            path = local_path(spec.source)
            if not remote.is_file(path) and not remote.is_folder(path):
                raise DeepLabError(f"{spec.source} is neither a file nor a folder.")
    return parse_config({"DATASET": {"N_CLASSES": 2}}, "import").model_dump(mode="json")


def _apply(
    session: Session,
    spec: TrainSpec | InferenceSpec | RegisterSpec,
    config: Mapping[str, Any],
    source: str,
    environment: Environment,
) -> dict[str, Any]:
    """Apply the registered dataset and then the overrides to a configuration.

    Paths become absolute, because relative ones mean something else to a worker. (Labels beside the configuration file
    were found when it was read.)
    """
    merged = dict(config)
    # Paths that are whole already: those of a checkpoint's configuration, and of a registered dataset.
    whole: dict[str, Any] = {} if spec.config is not None else dict(config)
    if spec.dataset is not None:
        with errors_at("dataset"):
            dataset = datasets.get_by_name(session, spec.dataset)
        merged["DATASET"] = {**merged["DATASET"], **datasets.section_of(dataset)}
        whole["DATASET"] = merged["DATASET"]
    with errors_at("overrides", environment):
        resolved = _parse(merged, source, [*spec.chosen_keys(), *spec.overrides])
    with errors_at("overrides" if spec.overrides else "config"):
        _expand_paths(resolved, whole, environment)
    for section, key in PATH_KEYS:
        if resolved[section][key] is not None:
            resolved[section][key] = absolute(resolved[section][key])  # links stay links
    return resolved


def _parse(mapping: Mapping[str, Any], source: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Check a configuration; sentences about overrides do not say how these were given, because the doors differ."""
    return parse_config(mapping, source, overrides, option="").model_dump(mode="json")


def _expand_paths(config: dict[str, Any], whole: Mapping[str, Any], environment: Environment) -> None:
    """Expand the paths of a configuration that another one, whose paths are whole, does not have already."""
    for section, key in ALL_PATH_KEYS if environment is not None else PATH_KEYS:
        value = config[section][key]
        if value is not None and value != whole.get(section, {}).get(key):
            config[section][key] = expand_path(f"{section}.{key}", value, environment)


def _check_folders(spec: SegmentSpec) -> None:
    with errors_at("input"):
        require_inputs(local_path(spec.input))
    if spec.output is not None:
        with errors_at("output"):
            folder = local_path(spec.output)
            _check_writable(folder)
            require_unused(folder)
            require_unfilled(folder)


def _check_failed(session: Session, spec: SegmentSpec, job_id: int) -> None:
    """Refuse a job as the source of failed images that has none, or none yet, or of another input."""
    with errors_at("only_failed_of"):
        job = _get_job(session, job_id)
        if job.kind != "segment" or job.state not in TERMINAL:
            raise DeepLabError(f"Job {job.id} ({job.kind}, {job.state}) is not a segment job that has ended.")
        if job.spec["input"] != spec.input:
            raise DeepLabError(f"Job {job.id} is of the input {job.spec['input']}, not of {spec.input}.")
        if not shards.counts(session, job_id).n_error:
            raise DeepLabError(f"No image failed in job {job.id}.")


def check_initial_weights(spec: Spec, config: Mapping[str, Any], environment: Environment = None) -> None:
    """Refuse a training from a file that cannot hold weights.

    Apart from `resolve_config`, because the file is read: whoever may not name it must have been refused before.

    Raises:
        SpecError: about the configuration.
    """
    initial = config["MODEL"]["INIT_MODEL"]
    if isinstance(spec, TrainSpec) and spec.resume is None and initial is not None:
        with errors_at("config", environment):
            if remote.is_file(local_path(initial)):
                _check_weights(local_path(initial))


def _check_weights(path: Path) -> None:
    """Refuse a file that cannot hold weights, as far as a look at it tells; the job itself reads it whole."""
    try:
        reason = explain_unreadable(remote.fetch(path))
    except OSError as error:
        raise DeepLabError(f"{path}: cannot be read: {error.strerror}.") from None
    if reason is not None:
        raise DeepLabError(reason, discreet=explain_unreadable(path, quotes=False))


def _check_image(path: Path) -> None:
    """Refuse what is no image, and one of more pixels than a look at it is worth."""
    height, width = image_size(path)
    if height * width > LARGEST_TRIED:
        raise DeepLabError(
            f"{printable(path)}: has {width}x{height} pixels, more than the {LARGEST_TRIED:,} of an image to try; a"
            " segment job takes images of any size."
        )


def _check_writable(folder: Path) -> None:
    if mirror_of(folder) is not None:  # storage elsewhere says so when it is written to
        return
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise DeepLabError(f"{existing} is a file, so {folder} cannot be a folder.")
    # A read-only mount, as the web server may have of the data, says nothing of what the workers may write.
    read_only = os.statvfs(existing).f_flag & os.ST_RDONLY
    if not read_only and not os.access(existing, os.W_OK | os.X_OK):
        raise DeepLabError(f"{existing} cannot be written to.")


@contextmanager
def errors_at(field: str, environment: Environment = _EMPTY) -> Iterator[None]:
    """Turn errors inside the block into a SpecError about one field, those about its path included.

    To somebody who must not read the environment they repeat nothing of files either.
    """
    try:
        yield
    except SpecError:
        raise
    except DeepLabError as error:
        raise SpecError({field: error.discreet if environment is None else str(error)}) from None
    except OSError as error:  # such as a name that is too long
        raise SpecError({field: f"cannot be used: {error.strerror or error}."}) from None
