"""Experiments over the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from web.api.requests import Before, Body, Limit, Query
from web.context import reading, writing
from worker.jobs import experiments
from worker.jobs.experiments import Experiment


class ExperimentsQuery(Query):
    """Which experiments."""

    search: str = Field("", description="A text in name, notes or tags, or the id.")
    before: Before = None
    limit: Limit = 50


@dataclass(frozen=True)
class ExperimentPage:
    """Some experiments, the newest first."""

    experiments: Sequence[Experiment]
    next_before: int | None  # continues the list; None at its end


class ExperimentChanges(Body):
    """What changes of an experiment; what is left out stays as it is."""

    name: str | None = None
    notes: str | None = None
    tags: str | None = Field(None, description="Words with spaces between them.")


def list_experiments(query: ExperimentsQuery) -> ExperimentPage:
    """List experiments, groups of jobs, newest first. GET /jobs?experiment=NAME lists the jobs of one."""
    with reading() as session:
        found = experiments.list_experiments(session, query.search, before=query.before, limit=query.limit + 1)
    return ExperimentPage(found[: query.limit], found[query.limit - 1].id if len(found) > query.limit else None)


def show_experiment(experiment_id: int) -> Experiment:
    """Show an experiment."""
    with reading() as session:
        return experiments.get(session, experiment_id)


def edit_experiment(experiment_id: int, body: ExperimentChanges) -> Experiment:
    """Change the name, the notes or the tags of an experiment."""
    with writing() as session:
        return experiments.change(session, experiment_id, name=body.name, notes=body.notes, tags=body.tags)
