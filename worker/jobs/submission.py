"""From a validated request to a queued job, for forms, API and command line alike.

Files are read and folders are listed before the transaction that inserts the job, because other writers wait for it.
Telling Celery comes after the commit (worker.jobs.broker.queue), and may fail: the reconciler publishes the job later.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from deeplab.files import printable, real_path
from deeplab.mirrors import local_path
from worker.jobs import idempotency, jobs, shards, storage, uploads
from worker.jobs.database import open_session
from worker.jobs.idempotency import Once
from worker.jobs.jobs import Job, JobStateError
from worker.jobs.ownership import outputs, pins
from worker.jobs.preflight.preflight import Outlook, look_ahead
from worker.jobs.records import checkpoints, events
from worker.jobs.requests.label import NO_LABEL, Label
from worker.jobs.requests.named_checkpoint import replace_alias
from worker.jobs.requests.resolve import check_initial_weights, errors_at, resolve_config
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    ImportSpec,
    SegmentSpec,
    Spec,
    parse_spec,
)
from worker.jobs.roots import Roots
from worker.jobs.scheduling import chains
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow
from worker.jobs.uploaded import replace_uploads

# Refuses the resolved configuration of a request by raising a SpecError, or returns what the job may open.
CheckConfig = Callable[[Session, Spec, Mapping[str, Any]], Roots]
Hear = Callable[[Outlook], None]
_ALONE: Mapping[int, JobRow] = MappingProxyType({})


def _ignore(_outlook: Outlook) -> None:
    """Hear nothing."""


@dataclass(frozen=True)
class Prepared:
    """A request that was looked at, and can become a job at once."""

    spec: Spec
    alias: str | None  # by which it named its checkpoint
    config: dict[str, Any]  # what it resolved to
    roots: Roots | None  # what the job may open
    folder: Path | None  # that it asks to write to
    pinned: list[pins.Pin]
    outlook: Outlook


def prepare(
    settings: Settings,
    spec: Spec,
    *,
    check_config: CheckConfig | None = None,
    environment: Mapping[str, str] | None = None,
    earlier: Mapping[int, JobRow] = _ALONE,
) -> Prepared:
    """Resolve a request's configuration, check it, and look at everything that the job will need.

    Args:
        settings: of the platform.
        spec: the request.
        check_config: what the configuration has to pass besides, and says what the job may open; None: anything.
        environment: variables that paths may name; None: of somebody who must not read them, as over HTTP.
        earlier: jobs that will be submitted together with this one, by the ids that stand for them until then.

    Raises:
        SpecError: if the request names something that does not exist or does not fit.
    """
    with open_session(settings, reads_only=True) as session:
        spec, alias = replace_alias(session, replace_uploads(settings, spec))
        config = resolve_config(session, spec, environment, earlier)
        roots = None if check_config is None else check_config(session, spec, config)
        check_initial_weights(spec, config, environment)
    folder = _own_folder(settings, spec)
    _require_upload(settings, spec)
    outlook = look_ahead(settings, spec, config, environment, earlier=earlier)
    return Prepared(spec, alias, config, roots, folder, pins.pin_inputs(settings, spec, config), outlook)


def submit(
    settings: Settings,
    spec: Spec,
    *,
    parent_id: int | None = None,
    is_retry: bool = False,
    label: Label = NO_LABEL,
    user_id: int | None = None,
    check_config: CheckConfig | None = None,
    environment: Mapping[str, str] | None = None,
    hear: Hear = _ignore,
    once: Once | None = None,
) -> Job:
    """Prepare a request, insert its job and commit.

    Args:
        settings: of the platform.
        spec: the request.
        parent_id: the job that this one copies or retries.
        is_retry: whether it retries its parent.
        label: its name and notes.
        user_id: who submits it.
        check_config: as of `prepare`.
        environment: as of `prepare`.
        hear: told what the look ahead found, once the job stands.
        once: the key of a request that makes one job however often it is sent.

    Raises:
        SpecError: if the request names something that does not exist, does not fit or belongs to another job.
        AlreadySubmittedError: if the same request was faster.
    """
    prepared = prepare(settings, spec, check_config=check_config, environment=environment)
    with open_session(settings) as session:
        job = insert(session, settings, prepared, parent_id=parent_id, is_retry=is_retry, label=label, user_id=user_id)
        if once is not None:
            idempotency.record(session, once, job.id)
    hear(prepared.outlook)
    return job


def insert(session: Session, settings: Settings, prepared: Prepared, **attributes: Any) -> Job:
    """Insert the job of a request that was looked at; the caller commits.

    Args:
        session: writes.
        settings: of the platform.
        prepared: the request.
        attributes: as `worker.jobs.jobs.insert` takes them.

    Raises:
        SpecError: if what the request names was discarded meanwhile, or belongs to another job.
    """
    job = jobs.insert(
        session,
        settings,
        prepared.spec,
        prepared.config,
        roots=prepared.roots,
        alias=prepared.alias,
        **attributes,
    )
    pins.record(session, job.id, prepared.pinned)
    for notice in prepared.outlook.notices:
        events.add(session, job.id, 0, notice)
    if prepared.folder is not None:
        with errors_at("output"):
            outputs.own(session, job.id, prepared.folder)
    return job


def _own_folder(settings: Settings, spec: Spec) -> Path | None:
    """The folder that a request asks for, with links resolved; None: the job writes into its own.

    Raises:
        SpecError: if it is one of the platform's own.
    """
    if not isinstance(spec, SegmentSpec) or spec.output is None:
        return None
    folder = real_path(local_path(spec.output))
    if folder.is_relative_to(real_path(storage.jobs_dir(settings))):
        raise SpecError({"output": f"{printable(folder)} is among the jobs' own folders; choose another one."})
    return folder


def _require_upload(settings: Settings, spec: Spec) -> None:
    """Refuse to import what was never uploaded, or is gone by now. Raises SpecError."""
    if isinstance(spec, ImportSpec) and spec.upload is not None:
        with errors_at("source"):
            uploads.find(settings, spec.upload)


def retry(
    settings: Settings, job_id: int, *, environment: Mapping[str, str] | None = None, hear: Hear = _ignore
) -> Job:
    """Submit a failed or cancelled job again as a new job.

    Raises:
        JobNotFoundError, JobStateError: as `request_again`.
        SpecError: if something that it names is gone.
    """
    spec, label = request_again(settings, job_id)
    return submit(settings, spec, parent_id=job_id, is_retry=True, label=label, environment=environment, hear=hear)


def request_again(settings: Settings, job_id: int) -> tuple[Spec, Label]:
    """The request that retries a job; it keeps name and notes, and a train job continues from its last checkpoint.

    Of the jobs that it waited for, it waits for those that have yet to end.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it has not failed and was not cancelled.
    """
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, job_id)
        checkpoint = checkpoints.find_last(session, job_id)
        awaited = chains.list_open(session, [job_id]).get(job_id, [])
    if not job.can_be_retried:
        raise JobStateError(f"Job {job_id} is {job.state}; only failed and cancelled jobs can be retried.")
    changes: dict[str, Any] = {"resume": checkpoint.id} if checkpoint is not None else {}
    changes |= {"after": [each for each in awaited if each in job.spec.get("after", ())], "priority": job.priority}
    return changed_spec(job, changes), Label(**job.label, notes=job.notes)


def retry_failed(
    settings: Settings, job_id: int, *, environment: Mapping[str, str] | None = None, hear: Hear = _ignore
) -> Job:
    """Submit a new job that segments only the images that failed in an ended segment job, into a folder of its own.

    Raises:
        JobNotFoundError, JobStateError: as `request_failed_again`.
        SpecError: if something that it names is gone.
    """
    spec, label = request_failed_again(settings, job_id)
    return submit(settings, spec, parent_id=job_id, is_retry=True, label=label, environment=environment, hear=hear)


def request_failed_again(settings: Settings, job_id: int) -> tuple[Spec, Label]:
    """The request that segments only the images that failed in a job; it keeps name and notes.

    Raises:
        JobNotFoundError: if there is no such job.
        JobStateError: if it is no segment job, has not ended, or no image failed in it.
    """
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, job_id)
        n_failed = shards.counts(session, job_id).n_error
    if job.kind != "segment" or not job.is_terminal:
        raise JobStateError(f"Job {job_id} ({job.kind}, {job.state}) is not a segment job that has ended.")
    if not n_failed:
        raise JobStateError(f"No image failed in job {job_id}.")
    changes = {"only_failed_of": job_id, "output": None, "priority": job.priority}
    return changed_spec(job, changes), Label(**job.label, notes=job.notes)


def clone(
    settings: Settings,
    job_id: int,
    changes: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    hear: Hear = _ignore,
) -> Job:
    """Submit a job's request with some fields changed, as a new job.

    Raises:
        JobNotFoundError: if there is no such job.
        SpecError: if the changed request is not valid.
    """
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, job_id)
    return submit(settings, changed_spec(job, changes), parent_id=job_id, environment=environment, hear=hear)


def changed_spec(job: Job, changes: Mapping[str, Any]) -> Spec:
    """A job's request with some fields changed.

    Raises:
        SpecError: if it is not valid.
    """
    return parse_spec(job.kind, {**job.spec, **changes})
