"""Several jobs in one submission, each of which uses what the one before it makes: train, then evaluate, then CRF.

All of them are looked at first, and then inserted in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deeplab.formats import shortened
from worker.jobs import idempotency
from worker.jobs.catalog import LARGEST_INTEGER, QUEUED
from worker.jobs.database import open_session
from worker.jobs.idempotency import Once
from worker.jobs.jobs import Job
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import CrfSpec, EvaluateSpec, Spec, TrainSpec, parse_spec
from worker.jobs.settings import Settings
from worker.jobs.submission import CheckConfig, Prepared, insert, prepare
from worker.jobs.tables import JobRow

_FOLLOWS = {"evaluate": "train", "crf": "evaluate"}  # which kind comes after which
_SHARED = ("priority", "not_before")  # fields of the first job that the others have, too

Step = str | Mapping[str, Any]  # a kind, or an object of it and of its other fields


def parse_steps(value: object) -> Sequence[Step]:
    """Check what a program sends as `then`. Raises SpecError."""
    if not isinstance(value, list | tuple) or len(value) > len(_FOLLOWS):
        raise SpecError({"then": f"must be a list of at most {len(_FOLLOWS)} jobs, got {shortened(value)}."})
    for each in value:
        if not isinstance(each, str | Mapping):
            raise SpecError({"then": f"must hold kinds or objects, got {shortened(each)}."})
        _kind_of(each)
    return value


def prepare_chain(
    settings: Settings,
    first: Spec,
    steps: Sequence[Step],
    *,
    check_config: CheckConfig | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[Prepared]:
    """Look at a request and at those that follow it.

    Args:
        settings: of the platform.
        first: the request.
        steps: what comes then: "evaluate" of its checkpoint, "crf" on the logits of that.
        check_config: as of `prepare`.
        environment: as of `prepare`.

    Raises:
        SpecError: about a field of the first request, or about `then`.
    """
    prepared = [prepare(settings, first, check_config=check_config, environment=environment)]
    earlier: dict[int, JobRow] = {}
    for step in steps:
        before = prepared[-1]
        stand_in = LARGEST_INTEGER - len(earlier)
        earlier[stand_in] = JobRow(
            id=stand_in,
            kind=before.spec.kind,
            state=QUEUED,
            spec=before.spec.model_dump(mode="json"),
            config=before.config,
        )
        kind = _kind_of(step)
        try:
            spec = _parse_step(step, first, before.spec, stand_in)
            prepared.append(
                prepare(settings, spec, check_config=check_config, environment=environment, earlier=earlier)
            )
        except SpecError as error:
            sentences = " ".join(f"{name}: {sentence}" for name, sentence in error.fields.items())
            raise SpecError({"then": f"{kind}: {sentences}"}) from None
    return prepared


def submit_chain(
    settings: Settings, prepared: Sequence[Prepared], once: Once | None = None, **attributes: Any
) -> list[Job]:
    """Insert the jobs of requests that were looked at together, and commit.

    Args:
        settings: of the platform.
        prepared: of `prepare_chain`.
        once: the key of a request that makes these jobs however often it is sent.
        attributes: of all of them, as `worker.jobs.jobs.insert` takes them.

    Raises:
        SpecError: if what one of them names was discarded meanwhile; then none of them is inserted.
        AlreadySubmittedError: if the same request was faster.
    """
    submitted: list[Job] = []
    with open_session(settings) as session:
        for each in prepared:
            named = replace(each, spec=_after(each.spec, submitted[-1].id)) if submitted else each
            submitted.append(insert(session, settings, named, **attributes))
        if once is not None:
            idempotency.record(session, once, submitted[0].id)
    return submitted


def _kind_of(step: Step) -> str:
    kind = step if isinstance(step, str) else step.get("kind")
    if not isinstance(kind, str) or kind not in _FOLLOWS:
        raise SpecError({"then": f"must be evaluate or crf, got {shortened(kind)}."})
    return kind


def _parse_step(step: Step, first: Spec, before: Spec, stand_in: int) -> Spec:
    kind = _kind_of(step)
    if before.kind != _FOLLOWS[kind]:
        raise SpecError({"kind": f"follows a job of kind {_FOLLOWS[kind]}, and not one of kind {before.kind}."})
    given = {} if isinstance(step, str) else {name: value for name, value in step.items() if name != "kind"}
    use = {"checkpoint": f"job:{stand_in}"} if kind == "evaluate" else {"evaluate_job": stand_in}
    if named := given.keys() & use.keys():
        raise SpecError(dict.fromkeys(named, "is that of the job before."))
    shared = {name: getattr(first, name) for name in _SHARED}
    device = {"device": first.device} if kind == "evaluate" and isinstance(first, TrainSpec) else {}
    return parse_spec(kind, {**shared, **device, **given, **use})


def _after(spec: Spec, job_id: int) -> Spec:
    """A request with the id of the job before it in the place of its stand-in."""
    match spec:
        case EvaluateSpec():
            return spec.model_copy(update={"checkpoint": f"job:{job_id}"})
        case CrfSpec():
            return spec.model_copy(update={"evaluate_job": job_id})
    return spec
