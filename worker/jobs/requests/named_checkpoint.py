"""Requests that name their checkpoint by an alias: a submission puts in its place what it stands for at that moment."""

from typing import Any

from sqlalchemy.orm import Session

from worker.jobs.records import aliases
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.resolve import errors_at
from worker.jobs.requests.specs import CheckpointSpec, Spec, TrainSpec


def replace_alias(session: Session, spec: Spec) -> tuple[Spec, str | None]:
    """Put the id of a checkpoint in the place of its alias.

    Returns:
        The request, and the alias; None if it has none.

    Raises:
        SpecError: if there is no such alias.
    """
    match spec:
        case TrainSpec():
            field, alias = "resume", spec.resume if isinstance(spec.resume, str) else None
        case CheckpointSpec():
            field, alias = "checkpoint", spec.checkpoint_ref.alias
        case _:
            return spec, None
    if alias is None:
        return spec, None
    with errors_at(field):
        ref = CheckpointRef.of_id(aliases.get(session, alias).checkpoint_id)
    changes: dict[str, Any] = {field: ref.id if field == "resume" else ref.text}
    return spec.model_copy(update=changes), alias
