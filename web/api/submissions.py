"""Submissions over the API: new jobs, jobs again, and several at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Annotated, Any

from flask import request, url_for
from pydantic import Field, StrictBool

from deeplab.formats import shortened
from web.actions import bulk, submission
from web.actions.submission import Submitted
from web.api.endpoint import Created
from web.api.job_request import CloneRequest, JobRequest
from web.api.requests import Body, Key, Nothing
from web.context import current_settings, reading, signed_in
from worker.jobs import datasets, presets
from worker.jobs.catalog import KINDS, LARGEST_INTEGER
from worker.jobs.chained_submission import parse_steps
from worker.jobs.idempotency import Once
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec


@dataclass(frozen=True)
class SubmittedJob(Job):
    """A job that was submitted just now."""

    notice: str | None = None  # that Celery could not be told, that it waits for a worker; the job stands all the same
    following: Sequence[Job] = ()  # those that `then` asked for, each of which waits for the one before it


class RetryRequest(Body):
    """What of a job is done again."""

    failed: StrictBool = Field(False, description="Of a segment job that has ended, only the images that failed.")


class JobIds(Body):
    """Several jobs."""

    jobs: Annotated[
        list[Annotated[int, Field(strict=True, gt=0, le=LARGEST_INTEGER)]], Field(min_length=1, max_length=bulk.MOST)
    ]


@dataclass(frozen=True)
class Refused:
    """A job with which it could not be done."""

    id: int
    message: str


@dataclass(frozen=True)
class BulkAnswer:
    """What became of several jobs."""

    jobs: Sequence[JobSummary]  # those that were cancelled or asked to end, or the new ones
    refused: Sequence[Refused]
    notice: str | None  # that Celery could not be told


def submit_job(body: JobRequest, key: Key) -> Created[SubmittedJob]:
    """Submit a job of a kind, with the fields of that kind.

    `preset` stands for the configuration of a training. `then` submits jobs that use what the one before makes.
    """
    fields = dict(body)
    then = parse_steps(fields.pop("then", ()))
    label = parse_label({name: fields.pop(name) for name in Label.model_fields if name in fields})
    kind = fields.pop("kind", None)
    if not isinstance(kind, str):
        raise SpecError({"kind": f"must be one of {', '.join(KINDS)}, got {shortened(kind)}."})
    wish = presets.expand(current_settings(), fields, signed_in().user_id) if kind == "train" else fields
    spec, once = parse_spec(kind, wish), _once(key)
    return _created(once, partial(submission.submit, spec=spec, label=label, then=then, once=once))


def retry_job(job_id: int, body: RetryRequest, key: Key) -> Created[SubmittedJob]:
    """Submit a failed or cancelled job again; a train job resumes from its last checkpoint."""
    again, once = submission.retry_failed if body.failed else submission.retry, _once(key)
    return _created(once, partial(again, job_id=job_id, once=once))


def clone_job(job_id: int, body: CloneRequest, key: Key) -> Created[SubmittedJob]:
    """Submit a copy of a job, with some fields of its request changed."""
    once = _once(key)
    return _created(once, partial(submission.clone, job_id=job_id, changes=body, once=once))


def check_dataset(name: str, body: Nothing, key: Key) -> Created[SubmittedJob]:
    """Submit a job that checks a dataset.

    `GET /datasets/{name}/report` then answers what it found.
    """
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
    spec, once = parse_spec("check", {"dataset": dataset.name}), _once(key)
    return _created(once, partial(submission.submit, spec=spec, once=once))


def cancel_jobs(body: JobIds) -> BulkAnswer:
    """Cancel several jobs."""
    return _bulk(bulk.cancel(current_settings(), body.jobs, signed_in()))


def retry_jobs(body: JobIds, key: Key) -> BulkAnswer:
    """Submit several failed or cancelled jobs again."""
    return _bulk(bulk.retry(current_settings(), body.jobs, signed_in(), _once(key)))


def _once(key: Key) -> Once | None:
    """The key of this request, which is the same only if it asks for the same."""
    if key is None:
        return None
    sent = b"\n".join((request.method.encode(), request.path.encode(), request.get_data()))
    return Once(signed_in().user_id, key, sha256(sent).hexdigest())


def _created(once: Once | None, submit: Callable[..., Submitted]) -> Created[SubmittedJob]:
    settings = current_settings()
    done = submission.at_most_once(settings, once, partial(submit, settings, user_id=signed_in().user_id))
    fields: Mapping[str, Any] = vars(done.job)
    made = SubmittedJob(**fields, notice=done.notice, following=done.following)
    return Created(made, url_for("api.show_job", job_id=done.job.id))


def _bulk(result: bulk.BulkResult) -> BulkAnswer:
    refused = [Refused(job_id, message) for job_id, message in result.refused.items()]
    return BulkAnswer(result.jobs, refused, result.notice)
