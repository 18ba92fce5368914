"""Checkpoints over the API."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from pydantic import Field, StrictBool

from web.actions import checkpoint_file, deletion
from web.api.chosen import NamesAmong, Some, choose
from web.api.endpoint import Download
from web.api.requests import Before, Body, Limit, Number, Query
from web.context import current_settings, reading, signed_in, writing
from worker.jobs.cleaning import checkpoint_deletion
from worker.jobs.cleaning.checkpoint_deletion import CheckpointLoss
from worker.jobs.records import aliases, checkpoints
from worker.jobs.records.checkpoints import Checkpoint

_FIELDS = tuple(field.name for field in fields(Checkpoint))


class CheckpointsQuery(Query):
    """Which checkpoints, and what of them."""

    job: Number | None = Field(None, description="The job that saved them.")
    before: Before = None
    limit: Limit = 50
    fields: Annotated[tuple[str, ...], NamesAmong(_FIELDS)] = Field((), description="What each has; by default all.")


@dataclass(frozen=True)
class CheckpointPage:
    """Some checkpoints of a list."""

    checkpoints: Sequence[Annotated[dict[str, Any], Some(Checkpoint)]]
    next_before: int | None  # continues the list; None at its end


@dataclass(frozen=True)
class WholeCheckpoint(Checkpoint):
    """A checkpoint, and what it was trained with."""

    config: dict[str, Any]


class CheckpointChanges(Body):
    """What changes of a checkpoint."""

    pinned: StrictBool = Field(description="Whether it is kept, whatever rules say.")


def list_checkpoints(query: CheckpointsQuery) -> CheckpointPage:
    """List checkpoints, newest first.

    `mean_iou` is that on `split`, which the training validates on, by the network alone; `other_scores` are those on
    other splits and datasets, under other settings and with a CRF.
    """
    with reading() as session:
        found = checkpoints.list_checkpoints(session, query.job, query.limit + 1, before=query.before)
    lines = choose(found[: query.limit], query.fields or _FIELDS)
    return CheckpointPage(lines, found[query.limit - 1].id if len(found) > query.limit else None)


def show_checkpoint(name: str) -> WholeCheckpoint:
    """Show a checkpoint, with the configuration that it was trained with.

    In place of an id, here and below, an alias may stand, or job:ID for the best checkpoint of a job.
    """
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
        return WholeCheckpoint(**vars(found), config=checkpoints.read_config(session, found))


def edit_checkpoint(name: str, body: CheckpointChanges) -> Checkpoint:
    """Pin a checkpoint, or unpin it."""
    with writing() as session:
        return checkpoints.pin(session, aliases.find_checkpoint(session, name).id, pinned=body.pinned)


def send_checkpoint(name: str) -> Download:
    """Send the file of a checkpoint; with a header `Range` a part of it, such as what is missing."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    return checkpoint_file.send(found)


def foresee_checkpoint_deletion(name: str) -> CheckpointLoss:
    """Say what deleting a checkpoint would delete; 409 if it may not be deleted."""
    with reading() as session:
        return checkpoint_deletion.foresee(session, aliases.find_checkpoint(session, name).id)


def delete_checkpoint(name: str) -> CheckpointLoss:
    """Delete a checkpoint with its file; 409 while it is pinned, named or used."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    return deletion.delete_checkpoint(current_settings(), found.id, signed_in())
