"""Aliases of checkpoints over the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StrictInt

from web.api.requests import After, Body, Limit, Query
from web.context import reading, signed_in, writing
from worker.jobs.records import aliases
from worker.jobs.records.aliases import Alias, Move


class AliasesQuery(Query):
    """Which aliases."""

    after: After = ""
    limit: Limit = 50


@dataclass(frozen=True)
class AliasPage:
    """Some aliases, by name."""

    aliases: Sequence[Alias]
    next_after: str | None  # continues the list; None at its end


class MovesQuery(Query):
    """How much of the history."""

    limit: Limit = 100


@dataclass(frozen=True, kw_only=True)
class AliasWithMoves(Alias):
    """An alias, and what it stood for before."""

    moves: Sequence[Move]  # the newest first


class AliasTarget(Body):
    """What an alias is to stand for."""

    checkpoint: StrictInt | Annotated[str, Field(max_length=200)] = Field(
        description="An id, another alias, or job:ID for the best checkpoint of a job."
    )


def list_aliases(query: AliasesQuery) -> AliasPage:
    """List the aliases of checkpoints, by name."""
    with reading() as session:
        found = aliases.list_aliases(session, after=query.after, limit=query.limit + 1)
    return AliasPage(found[: query.limit], found[query.limit - 1].name if len(found) > query.limit else None)


def show_alias(name: str, query: MovesQuery) -> AliasWithMoves:
    """Show what an alias stands for, and who moved it when."""
    with reading() as session:
        found = aliases.get(session, name)
        return AliasWithMoves(**vars(found), moves=aliases.list_moves(session, name, query.limit))


def move_alias(name: str, body: AliasTarget) -> Alias:
    """Let an alias stand for a checkpoint."""
    with writing() as session:
        found = aliases.find_checkpoint(session, str(body.checkpoint))
        return aliases.move(session, name, found.id, signed_in().user_id)


def remove_alias(name: str) -> Alias:
    """Take an alias away, and show what it stood for; its history stays."""
    with writing() as session:
        return aliases.remove(session, name, signed_in().user_id)
