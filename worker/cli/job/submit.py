"""What `deeplab job submit`, `retry` and `clone` do: submit a job, say so, and wait for its end."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from worker.cli.output import print_json
from worker.cli.store import create_store
from worker.jobs.broker.queue import try_publish
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings, load_settings
from worker.platform.home_lock import platform_at


def submit_job(kind: str, values: dict[str, Any], label: Mapping[str, str], *, wait: bool, as_json: bool) -> None:
    """Submit what the options of a kind say, under a name and with notes.

    Raises:
        RequestError: naming every option that does not fit.
    """
    from worker.cli.job.spec_options import RequestError, request_of
    from worker.jobs import submission
    from worker.jobs.requests.label import parse_label
    from worker.jobs.requests.spec_error import SpecError
    from worker.jobs.requests.specs import parse_spec

    settings = load_settings()
    try:
        spec, named = parse_spec(kind, request_of(values)), parse_label(label)
        submit_with(
            settings,
            lambda tell: submission.submit(settings, spec, label=named, environment=os.environ, tell=tell),
            wait=wait,
            as_json=as_json,
        )
    except SpecError as error:
        raise RequestError(error) from None


def clone_job(job_id: int, changes: Sequence[str], overrides: Sequence[str], *, wait: bool, as_json: bool) -> None:
    """Submit a job's request again, with FIELD=VALUE changes and KEY=VALUE overrides.

    Raises:
        BadParameter: if a change is not of that form.
        SpecError: if the changed request is not valid.
    """
    from worker.cli.job.spec_options import request_of
    from worker.jobs import jobs, submission
    from worker.jobs.database import open_session

    fields: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise click.BadParameter(f"expected FIELD=VALUE, such as seed=7, got {change!r}.", param_hint="--change")
        fields[name.strip()] = value
    settings = load_settings()

    def submit(tell: Callable[[str], object]) -> Job:
        with open_session(settings, reads_only=True) as session:
            earlier = jobs.get(session, job_id).spec["overrides"]
        merged = {"overrides": [*earlier, *overrides], **request_of(fields)}
        return submission.clone(settings, job_id, merged, environment=os.environ, tell=tell)

    submit_with(settings, submit, wait=wait, as_json=as_json)


def submit_with(
    settings: Settings, submit: Callable[[Callable[[str], object]], Job], *, wait: bool, as_json: bool
) -> None:
    """Submit a job, tell Celery, and wait for its end if that was asked for.

    Args:
        settings: of the platform.
        submit: inserts the job, and tells what else is to be said.
        wait: for the end of the job.
        as_json: whether the job is printed as JSON.

    Raises:
        JobFailedError: if it was waited for and did not succeed.
    """
    create_store(settings)
    if wait:  # loaded first, so that an interrupt meanwhile leaves no job behind
        from worker.cli.job.wait import wait_for

        wait_for(settings, submit(_say), as_json=as_json)
        return
    job = submit(_say)
    if as_json:
        print_json(job)
    else:
        click.echo(f"Job {job.id} is queued. To see its progress, run: deeplab job show {job.id}")
    if settings.embedded_broker and platform_at(settings) is None:
        _say(f"No platform is running in {settings.home}. The job starts when you run: deeplab up")
        return
    if notice := try_publish(settings, job):
        _say(notice)


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
