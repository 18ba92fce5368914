"""Search in everything that has a name, notes, tags or an id: jobs, datasets, checkpoints and experiments."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import String, cast, or_, select
from sqlalchemy.orm import Session

from worker.jobs import datasets, experiments
from worker.jobs.catalog import parse_integer
from worker.jobs.datasets import Dataset
from worker.jobs.experiments import Experiment
from worker.jobs.jobs import JobSummary
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoints import Checkpoint, CheckpointNotFoundError
from worker.jobs.tables import AliasRow, DatasetRow
from worker.jobs.watching.job_list import JobFilter, list_jobs


@dataclass(frozen=True)
class Findings:
    """What a text was found in, the newest first; of each kind as many as were asked for."""

    jobs: Sequence[JobSummary]
    datasets: Sequence[Dataset]
    checkpoints: Sequence[Checkpoint]
    experiments: Sequence[Experiment]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.jobs or self.datasets or self.checkpoints or self.experiments)


def search(session: Session, text: str, limit: int = 10) -> Findings:
    """Look for a text in any case: in names, notes, tags, aliases and former names, and for an id."""
    text = text.strip()
    if not text or "\0" in text:  # PostgreSQL stores none
        return Findings([], [], [], [])
    return Findings(
        list_jobs(session, JobFilter(search=text), limit=limit),
        _datasets(session, text, limit),
        _checkpoints(session, text, limit),
        experiments.list_experiments(session, text, limit=limit),
    )


def _datasets(session: Session, text: str, limit: int) -> list[Dataset]:
    columns = (DatasetRow.name, cast(DatasetRow.former_names, String))
    found = or_(*(column.icontains(text, autoescape=True) for column in columns))
    names = session.scalars(select(DatasetRow.name).where(found).order_by(DatasetRow.name).limit(limit)).all()
    return [datasets.get_by_name(session, name) for name in names]


def _checkpoints(session: Session, text: str, limit: int) -> list[Checkpoint]:
    ids = [] if (number := parse_integer(text)) is None else [number]
    named = select(AliasRow.checkpoint_id).where(AliasRow.name.icontains(text, autoescape=True)).limit(limit)
    found = []
    for checkpoint_id in dict.fromkeys([*ids, *session.scalars(named)]):
        try:
            found.append(checkpoints.get(session, checkpoint_id))
        except CheckpointNotFoundError:
            continue
    return found
