"""The look at everything that a request needs, before its job is queued: the same for form, API and command line.

Nothing here writes, and what looks at files ends in bounded time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.config import Config, parse_config
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.mirrors import local_path
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.ownership.estimates import require_room
from worker.jobs.preflight import data, devices, weights
from worker.jobs.preflight.looking import look_for
from worker.jobs.preflight.weights import Trained
from worker.jobs.requests.resolve import Environment, errors_at
from worker.jobs.requests.specs import CrfSpec, EvaluateSpec, RegisterSpec, SegmentSpec, Spec, TrainSpec
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow

_SECONDS = 10.0  # that somebody who submits a job waits for the look at its files
# The field of a request that says most about how much a job writes.
_WRITES = {
    "train": "config",
    "evaluate": "save_logits",
    "crf": "evaluate_job",
    "segment": "input",
    "check": "dataset",
    "import": "source",
    "register": "file",
    "onnx": "checkpoint",
    "try": "image",
}
_NONE: Mapping[int, JobRow] = MappingProxyType({})

Looked = TrainSpec | EvaluateSpec | CrfSpec | SegmentSpec


@dataclass
class Outlook:
    """What the look found that is no reason to refuse a request."""

    waits: str | None = None  # why the job will wait for a worker
    notices: list[str] = field(default_factory=list)  # sentences about what could not be looked at

    @property
    def sentences(self) -> list[str]:
        """All of it."""
        return [*([self.waits] if self.waits else []), *self.notices]


@dataclass(frozen=True)
class _Facts:
    """What the database knows of the parts that a request names."""

    trained: Trained | None
    evaluated: str | None  # the split of the evaluate job whose logits are refined
    logits: str | None  # the folder with these; None: they have yet to be saved


def look_ahead(
    settings: Settings,
    spec: Spec,
    config: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    *,
    earlier: Mapping[int, JobRow] = _NONE,
    seconds: float = _SECONDS,
) -> Outlook:
    """Refuse a request that cannot succeed as things are.

    Args:
        settings: of the platform.
        spec: the request.
        config: what it resolved to.
        environment: None: for somebody who must not read what is in files (see `errors_at`).
        earlier: jobs that will be submitted together with this one, by the ids that stand for them until then.
        seconds: how long files may be looked at.

    Raises:
        SpecError: naming the field that does not fit and why.
    """
    with open_session(settings, reads_only=True) as session:
        waits = devices.require_worker(session, spec)
        facts = _read_facts(session, spec, earlier)
        with errors_at(_WRITES[spec.kind]):
            require_room(session, settings, spec, config)
    outlook = Outlook(waits)
    parsed = parse_config(config, "the configuration")
    if isinstance(spec, RegisterSpec):
        look = partial(_look_at_registered, spec, parsed, environment)
    elif isinstance(spec, Looked):
        look = partial(_look_at_files, spec, parsed, facts, environment, outlook)
    else:  # to look at files is all that they do, or they read what the platform has saved
        return outlook
    if not look_for(seconds, look):
        outlook.notices.append(
            "Its files could not be looked at in time; what is wrong with them, the job itself will say."
        )
    return outlook


def _read_facts(session: Session, spec: Spec, earlier: Mapping[int, JobRow]) -> _Facts:
    if isinstance(spec, CrfSpec):
        with errors_at("evaluate_job"):
            source = earlier.get(spec.evaluate_job) or jobs.get(session, spec.evaluate_job)
        return _Facts(None, source.spec["split"], (source.result or {}).get("logits"))
    if not isinstance(spec, Looked):
        return _Facts(None, None, None)
    with errors_at("resume" if isinstance(spec, TrainSpec) else "checkpoint"):
        return _Facts(weights.find_trained(session, spec, earlier), None, None)


def _look_at_registered(spec: RegisterSpec, config: Config, environment: Environment) -> None:
    with errors_at("file", environment):
        weights.require_weights(local_path(spec.file), config)


def _look_at_files(spec: Looked, config: Config, facts: _Facts, environment: Environment, outlook: Outlook) -> None:
    """What fits what is found out first, because it is told at once; what is read from files comes last."""
    _look_at_weights(spec, config, facts, environment)
    if facts.logits is not None and not remote.is_folder(local_path(facts.logits)):
        with errors_at("evaluate_job"):
            raise DatasetError(f"The logits are gone: there is no folder {printable(facts.logits)}.")
    for split in dict.fromkeys(data.splits_of(spec, config, facts.evaluated)):
        with errors_at(_field_of_data(spec, split), environment):
            data.require_split(config, split)
    if isinstance(spec, SegmentSpec):
        with errors_at(_field_of_data(spec), environment):
            data.require_classes(config)
        with errors_at("input", environment):
            path = local_path(spec.input)
            if data.count_inputs(path, Path(spec.output) if spec.output else None) is None:
                outlook.notices.append("The input holds so many files that they are counted while the job runs.")


def _look_at_weights(spec: Looked, config: Config, facts: _Facts, environment: Environment) -> None:
    resumes = isinstance(spec, TrainSpec)
    if facts.trained is not None:
        with errors_at("resume" if resumes else _field_of_data(spec), environment):
            weights.require_trained(facts.trained, config, resumes=resumes)
    elif isinstance(spec, TrainSpec):
        with errors_at("overrides" if _overrides_name(spec, "MODEL") else "config", environment):
            weights.require_initial_weights(config)
    elif not isinstance(spec, CrfSpec):
        with errors_at("checkpoint", environment):
            weights.require_weights(local_path(spec.checkpoint), config)


def _field_of_data(spec: Looked, split: str | None = None) -> str:
    """The field of a request that says which data the job reads."""
    if isinstance(spec, CrfSpec):
        return "evaluate_job"
    if split is not None and getattr(spec, "split", None) == split:
        return "split"
    if spec.dataset is not None:
        return "dataset"
    if _overrides_name(spec, "DATASET"):
        return "overrides"
    return "checkpoint" if spec.config is None else "config"


def _overrides_name(spec: Spec, section: str) -> bool:
    return any(override.startswith(f"{section}.") for override in spec.overrides)
