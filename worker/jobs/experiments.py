"""Experiments: groups of jobs that belong together, with a name, notes and tags."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import shortened
from worker.jobs.catalog import parse_integer
from worker.jobs.database import read_clock
from worker.jobs.tables import ExperimentRow, JobRow

_LONGEST_NAME = 120  # characters
_LONGEST_NOTES = 10_000
_MOST_TAGS = 20
_TAG = re.compile(r"[\w.:-]{1,40}")


class ExperimentNotFoundError(DeepLabError):
    """There is no experiment of that id."""

    def __init__(self, experiment_id: int) -> None:
        super().__init__(f"There is no experiment {experiment_id}.")


class ExperimentError(DeepLabError):
    """An experiment cannot have this name, these notes or these tags."""


@dataclass(frozen=True)
class Experiment:
    """A group of jobs."""

    id: int
    name: str
    notes: str
    tags: Sequence[str]
    created_at: float
    user: str | None  # who began it; None: on the command line
    n_jobs: int


def find_or_begin(session: Session, name: str, user_id: int | None) -> int | None:
    """The id of the experiment of a name, which is begun if there is none; None for no name. The caller commits."""
    if not name:
        return None
    same = select(ExperimentRow.id).where(ExperimentRow.name == name)
    if (known := session.scalar(same)) is not None:
        return known
    row = ExperimentRow(name=name, created_at=read_clock(session), user_id=user_id)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else was faster
        return session.scalars(same).one()
    return row.id


def get(session: Session, experiment_id: int) -> Experiment:
    """Read one experiment. Raises ExperimentNotFoundError."""
    found = _read(session, [ExperimentRow.id == experiment_id], 1)
    if not found:
        raise ExperimentNotFoundError(experiment_id)
    return found[0]


def list_experiments(
    session: Session, search: str = "", *, before: int | None = None, limit: int = 50
) -> list[Experiment]:
    """List experiments, the newest first; those with a text in name, notes or tags, or with that id."""
    conditions: list[ColumnElement[bool]] = [] if before is None else [ExperimentRow.id < before]
    if "\0" in search:  # PostgreSQL stores none
        return []
    if text := search.strip():
        columns = (ExperimentRow.name, ExperimentRow.notes, ExperimentRow.tags)
        found = [column.icontains(text, autoescape=True) for column in columns]
        number = parse_integer(text)
        conditions.append(or_(*found) if number is None else or_(ExperimentRow.id == number, *found))
    return _read(session, conditions, limit)


def list_names(session: Session, limit: int = 200) -> list[str]:
    """The names of the newest experiments, for people to choose from."""
    return list(session.scalars(select(ExperimentRow.name).order_by(ExperimentRow.id.desc()).limit(limit)))


def change(
    session: Session,
    experiment_id: int,
    *,
    name: str | None = None,
    notes: str | None = None,
    tags: str | None = None,
) -> Experiment:
    """Change an experiment; what is None stays. The caller commits, or rolls back after an error.

    Raises:
        ExperimentNotFoundError: if there is none of that id.
        ExperimentError: if a value does not fit, or another one has that name.
    """
    get(session, experiment_id)
    values: dict[str, str] = {}
    if name is not None:
        values["name"] = _checked_name(name)
    if notes is not None:
        values["notes"] = _checked_notes(notes)
    if tags is not None:
        values["tags"] = _spelt(tags)
    try:
        if values:
            session.execute(update(ExperimentRow).where(ExperimentRow.id == experiment_id).values(**values))
    except IntegrityError:
        raise ExperimentError(f"There is already an experiment named {values['name']!r}.") from None
    session.expire_all()
    return get(session, experiment_id)


def _read(session: Session, conditions: Sequence[ColumnElement[bool]], limit: int) -> list[Experiment]:
    n_jobs = (
        select(func.count(JobRow.id)).where(JobRow.experiment_id == ExperimentRow.id).scalar_subquery().label("n_jobs")
    )
    query = select(ExperimentRow, n_jobs).where(*conditions).order_by(ExperimentRow.id.desc()).limit(limit)
    return [
        Experiment(row.id, row.name, row.notes, row.tags.split(), row.created_at, row.user, count)
        for row, count in session.execute(query)
    ]


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ExperimentError(f"The name must be one line of 1 to {_LONGEST_NAME} characters, got {shortened(name)}.")
    return name


def _checked_notes(notes: str) -> str:
    if len(notes) > _LONGEST_NOTES or "\0" in notes:
        raise ExperimentError(f"The notes must be plain text of at most {_LONGEST_NOTES:,} characters.")
    return notes.strip()


def _spelt(tags: str) -> str:
    """Tags as rows have them: each once, in order, with spaces between and around them."""
    words = sorted(set(re.split(r"[\s,]+", tags.strip())) - {""})
    wrong = [word for word in words if not _TAG.fullmatch(word)]
    if wrong:
        raise ExperimentError(
            f"A tag consists of at most 40 letters, digits, '.', ':', '-' and '_', got {shortened(wrong[0])}."
        )
    if len(words) > _MOST_TAGS:
        raise ExperimentError(f"There can be at most {_MOST_TAGS} tags, got {len(words)}.")
    return f" {' '.join(words)} " if words else ""
