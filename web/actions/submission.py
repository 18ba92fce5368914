"""The one way from a request over HTTP to a queued job, for forms and the API alike."""

from collections.abc import Callable, Mapping
from typing import Any

from deeplab.errors import DeepLabError
from web.access.paths import check_config, check_spec, trusted_paths
from worker.jobs import idempotency, jobs, submission
from worker.jobs.broker.queue import try_publish
from worker.jobs.database import open_session
from worker.jobs.idempotency import Once
from worker.jobs.jobs import Job
from worker.jobs.requests.label import NO_LABEL, Label
from worker.jobs.requests.specs import Spec
from worker.jobs.settings import Settings
from worker.jobs.waiting_limit import require_room


def submit(
    settings: Settings,
    spec: Spec,
    *,
    user_id: int | None,
    parent_id: int | None = None,
    is_retry: bool = False,
    label: Label = NO_LABEL,
    once: Once | None = None,
) -> tuple[Job, str | None]:
    """Submit a job, and tell Celery once it is committed.

    Args:
        settings: of the platform.
        spec: the request.
        user_id: who submits it.
        parent_id: the job that this one was cloned from; paths that somebody with a shell named in it are allowed
            again, in the same fields.
        is_retry: whether it retries that job.
        label: its name and notes.
        once: the key of a request that makes one job however often it is sent.

    Returns:
        The job, and a notice for the user: that Celery could not be told, that there is little room; the job stands
        all the same.

    Raises:
        SpecError: if the request names something that does not exist, does not fit or must not be named.
        JobNotFoundError: if there is no parent of that id.
        QueueFullError: if too many jobs wait already.
    """
    with open_session(settings, reads_only=True) as session:
        require_room(session, settings, user_id)
    trusted = {} if parent_id is None else trusted_paths(_read(settings, parent_id), spec.kind)
    check_spec(settings, spec, trusted)
    notices: list[str] = []
    job = submission.submit(
        settings,
        spec,
        user_id=user_id,
        parent_id=parent_id,
        is_retry=is_retry,
        label=label,
        check_config=lambda session, named, config: check_config(session, settings, config, named, trusted),
        tell=notices.append,
        once=once,
    )
    if notice := try_publish(settings, job):
        notices.insert(0, notice)
    return job, " ".join(notices) or None


def retry(settings: Settings, job_id: int, *, user_id: int | None, once: Once | None = None) -> tuple[Job, str | None]:
    """Submit a failed or cancelled job again; returns as `submit` does.

    Raises:
        JobNotFoundError, JobStateError, SpecError: as `worker.jobs.submission.retry`.
    """
    spec, label = submission.request_again(settings, job_id)
    return submit(settings, spec, user_id=user_id, parent_id=job_id, is_retry=True, label=label, once=once)


def retry_failed(
    settings: Settings, job_id: int, *, user_id: int | None, once: Once | None = None
) -> tuple[Job, str | None]:
    """Submit only the images that failed in a segment job again; returns as `submit` does.

    Raises:
        JobNotFoundError, JobStateError, SpecError: as `worker.jobs.submission.retry_failed`.
    """
    spec, label = submission.request_failed_again(settings, job_id)
    return submit(settings, spec, user_id=user_id, parent_id=job_id, is_retry=True, label=label, once=once)


def clone(
    settings: Settings, job_id: int, changes: Mapping[str, Any], *, user_id: int | None, once: Once | None = None
) -> tuple[Job, str | None]:
    """Submit a job's request again with some fields changed; returns as `submit` does.

    Raises:
        JobNotFoundError: if there is no such job.
        SpecError: if the changed request is not valid.
    """
    spec = submission.changed_spec(_read(settings, job_id), changes)
    return submit(settings, spec, user_id=user_id, parent_id=job_id, once=once)


def at_most_once(
    settings: Settings, once: Once | None, submit_it: Callable[[], tuple[Job, str | None]]
) -> tuple[Job, str | None]:
    """Submit a job, unless the same request has made one already; then that is returned.

    Args:
        settings: of the platform.
        once: the key of the request; None: it has none, and makes a job each time.
        submit_it: submits the job under that key.

    Raises:
        KeyReusedError: if the key came with another request.
    """
    if once is not None and (job := _find(settings, once)) is not None:
        return job, None
    try:
        return submit_it()
    except DeepLabError:
        # The same request at the same time may have taken what this one needs, such as its output folder.
        if once is not None and (job := _find(settings, once)) is not None:
            return job, None
        raise


def _find(settings: Settings, once: Once) -> Job | None:
    with open_session(settings, reads_only=True) as session:
        job_id = idempotency.find(session, once)
        return None if job_id is None else jobs.get(session, job_id)


def _read(settings: Settings, job_id: int) -> Job:
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job_id)
