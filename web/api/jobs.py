"""Jobs over the API: lists of them, one, its name, its end."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from pydantic import Field

from web.actions import cancellation, deletion, holding
from web.api.chosen import NamesAmong, Some
from web.api.requests import Before, Limit, Nothing, Query
from web.context import current_settings, reading, signed_in, writing
from worker.jobs import jobs
from worker.jobs.catalog import HIGHEST_PRIORITY, Kind, State
from worker.jobs.cleaning import deletion as deletion_of_jobs
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.requests.label import Label
from worker.jobs.watching.job_list import FIELDS, JobFilter, count_by_state, list_fields
from worker.jobs.watching.whole_job import WholeJob, read_whole_job

_SUMMARY = (*(field.name for field in fields(JobSummary)), "fraction")


class JobsQuery(Query):
    """Which jobs, and what of them."""

    kind: Kind | None = None
    state: State | None = None
    dataset: str | None = None
    user: str | None = Field(None, description="The name of who submitted them.")
    experiment: str | None = Field(None, description="The name of the experiment that they belong to.")
    search: str = Field("", description="A text in name, notes, dataset or error, or the id.")
    before: Before = None
    limit: Limit = 50
    fields: Annotated[tuple[str, ...], NamesAmong(FIELDS)] = Field(
        (), description="What each job has, such as id,state,config; by default all but notes, config and roots."
    )


@dataclass(frozen=True)
class JobPage:
    """Some jobs of a list."""

    jobs: Sequence[Annotated[dict[str, Any], Some(Job, fraction=float)]]
    next_before: int | None  # continues the list; None at its end
    counts: dict[str, int]  # jobs of the list by state, whatever state was asked for


class JobChanges(Label):
    """What changes of a job; what is left out stays as it is."""

    priority: int = Field(0, strict=True, ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, description="Of a queued job.")


def list_jobs(query: JobsQuery) -> JobPage:
    """List jobs, newest first."""
    wanted = JobFilter(query.kind, query.state, query.dataset, query.search, query.user, query.experiment)
    names = query.fields or _SUMMARY
    with reading() as session:
        found = list_fields(session, {"id", *names}, wanted, before=query.before, limit=query.limit + 1)
        counts = count_by_state(session, wanted)
    lines = [{name: line[name] for name in names} for line in found[: query.limit]]
    return JobPage(lines, found[query.limit - 1]["id"] if len(found) > query.limit else None, counts)


def show_job(job_id: int) -> WholeJob:
    """Show a job with what it left behind."""
    with reading() as session:
        return read_whole_job(session, current_settings(), job_id)


def edit_job(job_id: int, body: JobChanges) -> Job:
    """Change the name, the notes, the experiment or the priority of a job."""
    with reading() as session:
        job = jobs.get(session, job_id)
    if "priority" in body.model_fields_set:
        job = holding.set_priority(current_settings(), job_id, body.priority, signed_in())
    if body.model_fields_set - {"priority"}:
        changed = body.model_dump(include=body.model_fields_set & set(Label.model_fields))
        with writing() as session:
            job = jobs.relabel(session, job_id, Label(**{**job.label, "notes": job.notes, **changed}))
    return job


def foresee_deletion(job_id: int) -> Loss:
    """Say what deleting a job would delete; 409 if it may not be deleted."""
    with reading() as session:
        return deletion_of_jobs.foresee(session, job_id)


def delete_job(job_id: int) -> Loss:
    """Delete a job that has ended, with its files; 409 while others refer to what it made."""
    return deletion.delete(current_settings(), job_id, signed_in())


def cancel_job(job_id: int, body: Nothing) -> Job:
    """Cancel a job; a running one ends a few seconds later."""
    return cancellation.cancel(current_settings(), job_id, signed_in())


def pause_job(job_id: int, body: Nothing) -> Job:
    """Put a job on hold; a running one goes back to the queue a few seconds later."""
    return holding.pause(current_settings(), job_id, signed_in())


def resume_job(job_id: int, body: Nothing) -> Job:
    """Let a job that is on hold start."""
    return holding.resume(current_settings(), job_id, signed_in())
