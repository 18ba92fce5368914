"""Aliases: names that people give to checkpoints and move from one to another, with a history of these moves.

Whatever names a checkpoint may name it by an alias. A submission puts the checkpoint's id in its place, so that a job
runs with what the alias stood for then.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import list_briefly, shortened
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoint_ref import ALIAS, CheckpointRef
from worker.jobs.records.checkpoints import Checkpoint, CheckpointNotFoundError
from worker.jobs.tables import AliasMoveRow, AliasRow
from worker.jobs.timestamp import Timestamp


class AliasError(DeepLabError):
    """A name that cannot be an alias, or that stands for another checkpoint than was expected."""


class AliasNotFoundError(DeepLabError):
    """There is no alias of that name."""

    def __init__(self, name: str, known: Collection[str] = ()) -> None:
        others = f"; expected one of {list_briefly(sorted(known), limit=10)}" if known else ""
        super().__init__(f"There is no alias {shortened(name)}{others}.")


@dataclass(frozen=True)
class Alias:
    """A name of a checkpoint."""

    name: str
    checkpoint_id: int
    since: Timestamp


@dataclass(frozen=True)
class Move:
    """One move of an alias."""

    name: str
    from_id: int | None  # a checkpoint, which may be gone by now; None: the alias was new
    to_id: int | None  # likewise; None: the alias was removed
    at: Timestamp
    user: str | None  # who moved it; None: somebody on the command line


def move(session: Session, name: str, checkpoint_id: int, user_id: int | None = None) -> Alias:
    """Let an alias stand for a checkpoint; if it is new, give it to that.

    Args:
        session: the caller commits.
        name: of the alias.
        checkpoint_id: of the checkpoint.
        user_id: who moves it; None: somebody on the command line.

    Raises:
        AliasError: if the name cannot be one.
        CheckpointNotFoundError: if there is no such checkpoint.
    """
    if not ALIAS.fullmatch(name):
        raise AliasError(
            "An alias has up to 64 lower-case letters, digits, hyphens and underscores, and begins with a letter, such"
            f" as champion; got {shortened(name)}."
        )
    checkpoints.get(session, checkpoint_id, lock=True)
    row = session.get(AliasRow, name, with_for_update=True)
    now = read_clock(session)
    if row is not None and row.checkpoint_id == checkpoint_id:
        return _alias(row)
    _record(session, name, None if row is None else row.checkpoint_id, checkpoint_id, now, user_id)
    if row is None:
        return _add(session, name, checkpoint_id, now)
    row.checkpoint_id, row.since = checkpoint_id, now
    session.flush()
    return _alias(row)


def remove(session: Session, name: str, user_id: int | None = None) -> Alias:
    """Take an alias away; its history stays.

    Raises:
        AliasNotFoundError: if there is none of that name.
    """
    gone = get(session, name)
    session.execute(delete(AliasRow).where(AliasRow.name == name))
    _record(session, name, gone.checkpoint_id, None, read_clock(session), user_id)
    session.flush()
    return gone


def get(session: Session, name: str) -> Alias:
    """Read an alias.

    Raises:
        AliasNotFoundError: if there is none of that name.
    """
    row = session.get(AliasRow, name)
    if row is None:
        raise AliasNotFoundError(name, [each.name for each in list_aliases(session)])
    return _alias(row)


def list_aliases(session: Session, *, after: str = "", limit: int | None = None) -> list[Alias]:
    """List aliases by name: those behind the name `after`, at most `limit` of them if given."""
    query = select(AliasRow).where(AliasRow.name > after).order_by(AliasRow.name)
    return [_alias(row) for row in session.scalars(query.limit(limit))]


def list_moves(session: Session, name: str, limit: int = 100) -> list[Move]:
    """The moves of an alias, the newest first; those of one that is gone, too."""
    return _moves(session, select(AliasMoveRow).where(AliasMoveRow.name == name), limit)


def list_moves_of(session: Session, checkpoint_id: int, limit: int = 20) -> list[Move]:
    """The moves of any alias to a checkpoint or away from it, the newest first."""
    is_there = (AliasMoveRow.from_id == checkpoint_id) | (AliasMoveRow.to_id == checkpoint_id)
    return _moves(session, select(AliasMoveRow).where(is_there), limit)


def find_checkpoint(session: Session, text: str) -> Checkpoint:
    """Find the checkpoint of this platform that people name by an id, an alias, or the job that saved it.

    Raises:
        AliasNotFoundError, CheckpointNotFoundError: if there is none.
    """
    ref = CheckpointRef.parse(text)
    if ref.id is not None:
        return checkpoints.get(session, ref.id)
    if ref.alias is not None:
        return checkpoints.get(session, get(session, ref.alias).checkpoint_id)
    if ref.job_id is None:
        raise CheckpointNotFoundError(f"{shortened(text)}; expected an id, an alias, or job:ID")
    found = checkpoints.find_outcome(session, ref.job_id)
    if found is None:
        raise CheckpointNotFoundError(f"of job {ref.job_id}")
    return found


def _add(session: Session, name: str, checkpoint_id: int, now: float) -> Alias:
    row = AliasRow(name=name, checkpoint_id=checkpoint_id, since=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # two were at it at the same moment
        raise AliasError(f"Somebody else has just made the alias {name}; look what it stands for.") from None
    return _alias(row)


def _record(
    session: Session, name: str, from_id: int | None, to_id: int | None, at: float, user_id: int | None
) -> None:
    session.add(AliasMoveRow(name=name, from_id=from_id, to_id=to_id, at=at, user_id=user_id))


def _moves(session: Session, query: Select[AliasMoveRow], limit: int) -> list[Move]:
    rows = session.scalars(query.order_by(AliasMoveRow.id.desc()).limit(limit))
    return [Move(row.name, row.from_id, row.to_id, row.at, row.user) for row in rows]


def _alias(row: AliasRow) -> Alias:
    return Alias(row.name, row.checkpoint_id, row.since)
