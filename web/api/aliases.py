"""Aliases of checkpoints over the API."""

from typing import Any

from web.api.requests import read_body, require_known
from web.context import reading, signed_in, writing
from worker.jobs.plain_json import as_json
from worker.jobs.records import aliases
from worker.jobs.requests.specs import SpecError


def list_aliases() -> dict[str, Any]:
    """GET /aliases: the names of checkpoints, each with the `checkpoint_id` that it stands for, by name."""
    require_known()
    with reading() as session:
        return {"aliases": as_json(aliases.list_aliases(session))}


def show_alias(name: str) -> dict[str, Any]:
    """GET /aliases/<name>: the alias with its `moves`, the newest first: who, when, from where to where."""
    require_known()
    with reading() as session:
        return {**as_json(aliases.get(session, name)), "moves": as_json(aliases.list_moves(session, name))}


def move_alias(name: str) -> dict[str, Any]:
    """PUT /aliases/<name> {"checkpoint"}: lets the alias stand for a checkpoint: an id, another alias, or job:ID."""
    body = read_body()
    wanted = body.pop("checkpoint", None)
    if body or isinstance(wanted, bool) or not isinstance(wanted, int | str):
        raise SpecError({"checkpoint": "must be an id, an alias or job:ID, and is the only field of this request."})
    with writing() as session:
        found = aliases.find_checkpoint(session, str(wanted))
        return {**as_json(aliases.move(session, name, found.id, signed_in().user_id))}


def remove_alias(name: str) -> dict[str, Any]:
    """DELETE /aliases/<name>: takes the alias away, and answers what it stood for; its history stays."""
    require_known()
    with writing() as session:
        return {**as_json(aliases.remove(session, name, signed_in().user_id))}
