"""The one way from a request over HTTP to a queued job, for forms and the API alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deeplab.errors import DeepLabError
from web.access.paths import check_config, check_spec, trusted_paths
from worker.jobs import idempotency, jobs, submission
from worker.jobs.broker.queue import try_publish
from worker.jobs.chained_submission import Step, prepare_chain, submit_chain
from worker.jobs.database import open_session
from worker.jobs.idempotency import Once
from worker.jobs.jobs import Job
from worker.jobs.requests.label import NO_LABEL, Label
from worker.jobs.requests.specs import Spec
from worker.jobs.settings import Settings
from worker.jobs.waiting_limit import require_room


@dataclass(frozen=True)
class Submitted:
    """A job that stands, and what whoever submitted it should hear."""

    job: Job
    following: Sequence[Job]  # those that were submitted together with it, and wait for it
    notices: Sequence[str]  # that Celery could not be told, that files could not be looked at in time
    waits: str | None  # why it will wait for a worker, which the page of the job says, too

    @property
    def notice(self) -> str | None:
        """All of it, for programs."""
        return " ".join(filter(None, [*self.notices, self.waits])) or None


def submit(
    settings: Settings,
    spec: Spec,
    *,
    user_id: int | None,
    parent_id: int | None = None,
    is_retry: bool = False,
    label: Label = NO_LABEL,
    then: Sequence[Step] = (),
    once: Once | None = None,
) -> Submitted:
    """Submit a job, with those that follow it, and tell Celery once they are committed.

    Args:
        settings: of the platform.
        spec: the request.
        user_id: who submits it.
        parent_id: the job that this one was cloned from; paths that somebody with a shell named in it are allowed
            again, in the same fields.
        is_retry: whether it retries that job.
        label: its name and notes, and its experiment.
        then: jobs that use what it makes, as `prepare_chain` takes them.
        once: the key of a request that makes one job however often it is sent.

    Raises:
        SpecError: if the request names something that does not exist, does not fit or must not be named.
        JobNotFoundError: if there is no parent of that id.
        QueueFullError: if too many jobs wait already.
    """
    with open_session(settings, reads_only=True) as session:
        require_room(session, settings, user_id)
    trusted = {} if parent_id is None else trusted_paths(_read(settings, parent_id), spec.kind)
    check_spec(settings, spec, trusted)
    prepared = prepare_chain(
        settings,
        spec,
        then,
        check_config=lambda session, named, config: check_config(session, settings, config, named, trusted),
    )
    attributes = {"parent_id": parent_id, "is_retry": is_retry, "label": label, "user_id": user_id}
    submitted = submit_chain(settings, prepared, once, **attributes)
    notices = [notice for each in prepared for notice in each.outlook.notices]
    notices += filter(None, [try_publish(settings, submitted[0])])
    return Submitted(submitted[0], submitted[1:], notices, prepared[0].outlook.waits)


def retry(settings: Settings, job_id: int, *, user_id: int | None, once: Once | None = None) -> Submitted:
    """Submit a failed or cancelled job again.

    Raises:
        JobNotFoundError, JobStateError, SpecError: as `worker.jobs.submission.retry`.
    """
    spec, label = submission.request_again(settings, job_id)
    return submit(settings, spec, user_id=user_id, parent_id=job_id, is_retry=True, label=label, once=once)


def retry_failed(settings: Settings, job_id: int, *, user_id: int | None, once: Once | None = None) -> Submitted:
    """Submit only the images that failed in a segment job again.

    Raises:
        JobNotFoundError, JobStateError, SpecError: as `worker.jobs.submission.retry_failed`.
    """
    spec, label = submission.request_failed_again(settings, job_id)
    return submit(settings, spec, user_id=user_id, parent_id=job_id, is_retry=True, label=label, once=once)


def clone(
    settings: Settings, job_id: int, changes: Mapping[str, Any], *, user_id: int | None, once: Once | None = None
) -> Submitted:
    """Submit a job's request again with some fields changed.

    Raises:
        JobNotFoundError: if there is no such job.
        SpecError: if the changed request is not valid.
    """
    spec = submission.changed_spec(_read(settings, job_id), changes)
    return submit(settings, spec, user_id=user_id, parent_id=job_id, once=once)


def at_most_once(settings: Settings, once: Once | None, submit_it: Callable[[], Submitted]) -> Submitted:
    """Submit a job, unless the same request has made one already; then that is returned.

    Args:
        settings: of the platform.
        once: the key of the request; None: it has none, and makes a job each time.
        submit_it: submits the job under that key.

    Raises:
        KeyReusedError: if the key came with another request.
    """
    if once is not None and (found := _find(settings, once)) is not None:
        return found
    try:
        return submit_it()
    except DeepLabError:
        # The same request at the same time may have taken what this one needs, such as its output folder.
        if once is not None and (found := _find(settings, once)) is not None:
            return found
        raise


def _find(settings: Settings, once: Once) -> Submitted | None:
    with open_session(settings, reads_only=True) as session:
        job_id = idempotency.find(session, once)
        return None if job_id is None else Submitted(jobs.get(session, job_id), [], [], None)


def _read(settings: Settings, job_id: int) -> Job:
    with open_session(settings, reads_only=True) as session:
        return jobs.get(session, job_id)
