"""The one way from a request over HTTP to a queued job, for forms and the API alike."""

from collections.abc import Mapping
from typing import Any

from web.access.paths import check_config, check_spec, paths_of
from worker.jobs import jobs
from worker.jobs.broker import queue
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings
from worker.jobs.specs import Spec, parse_spec


def submit(settings: Settings, spec: Spec, *, parent_id: int | None = None) -> tuple[Job, str | None]:
    """Submit a job, and tell Celery once it is committed.

    Args:
        settings: of the platform.
        spec: the request.
        parent_id: the job that this one was cloned from; paths that it names are allowed again.

    Returns:
        The job, and a sentence for the user if Celery could not be told; the job stands all the same.

    Raises:
        SpecError: if the request names something that does not exist, does not fit or must not be named.
        JobNotFoundError: if there is no parent of that number.
    """
    with open_session(settings) as session:
        trusted = set() if parent_id is None else paths_of(jobs.get(session, parent_id))
        check_spec(settings, spec, trusted)
        job = jobs.submit(session, settings, spec, parent_id=parent_id)
        check_config(session, settings, job, spec, trusted)
    return job, _publish(settings, job)


def retry(settings: Settings, job_id: int) -> tuple[Job, str | None]:
    """Submit a failed or cancelled job again; returns as `submit` does.

    Raises:
        JobNotFoundError, JobStateError, SpecError: as `worker.jobs.jobs.retry`.
    """
    with open_session(settings) as session:
        job = jobs.retry(session, settings, job_id)
    return job, _publish(settings, job)


def clone(settings: Settings, job_id: int, changes: Mapping[str, Any]) -> tuple[Job, str | None]:
    """Submit a job's request again with some fields changed; returns as `submit` does.

    Raises:
        JobNotFoundError: if there is no such job.
        SpecError: if the changed request is not valid.
    """
    with open_session(settings, reads_only=True) as session:
        parent = jobs.get(session, job_id)
    return submit(settings, parse_spec(parent.kind, {**parent.spec, **changes}), parent_id=job_id)


def _publish(settings: Settings, job: Job) -> str | None:
    try:
        queue.publish(settings, job)
    except queue.BrokerUnreachableError as error:
        return str(error)
    return None
