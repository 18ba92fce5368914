"""What `deeplab job submit`, `retry` and `clone` do: submit a job, say so, and wait for its end."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from worker.cli.job.opening import open_jobs
from worker.cli.output import print_json
from worker.client.jobs import Jobs
from worker.jobs.broker.queue import try_publish
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings, load_settings
from worker.platform.home_lock import platform_at

if TYPE_CHECKING:
    from worker.jobs.preflight.preflight import Outlook
    from worker.jobs.submission import Hear


def submit_job(
    kind: str, values: dict[str, Any], label: Mapping[str, str], *, then: Sequence[str], wait: bool, as_json: bool
) -> None:
    """Submit what the options of a kind say, under a name and with notes, and what follows.

    Raises:
        RequestError: naming every option that does not fit.
    """
    from worker.cli.job.spec_options import request_of

    settings = load_settings()
    fields = request_of(values, are_paths_here=not settings.url)

    def submit(jobs: Jobs, hear: "Hear") -> Job:
        job, *following = jobs.submit(kind, fields, label, then=then, hear=hear)
        if following:
            names = " and ".join(f"job {each.id} ({each.kind})" for each in following)
            click.echo(f"It is followed by {names}.", err=True)
        return job

    submit_with(settings, submit, wait=wait, as_json=as_json)


def clone_job(job_id: int, changes: Sequence[str], overrides: Sequence[str], *, wait: bool, as_json: bool) -> None:
    """Submit a job's request again, with FIELD=VALUE changes and KEY=VALUE overrides.

    Raises:
        BadParameter: if a change is not of that form.
        RequestError: if the changed request is not valid.
    """
    from worker.cli.job.spec_options import request_of

    fields: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise click.BadParameter(f"expected FIELD=VALUE, such as seed=7, got {change!r}.", param_hint="--change")
        fields[name.strip()] = value
    settings = load_settings()
    given = request_of(fields, are_paths_here=not settings.url)

    def submit(jobs: Jobs, hear: "Hear") -> Job:
        merged = {"overrides": [*jobs.show(job_id).spec["overrides"], *overrides], **given}
        return jobs.clone(job_id, merged, hear=hear)

    submit_with(settings, submit, wait=wait, as_json=as_json, spell=_spell_change)


def retry_job(job_id: int, *, failed: bool, wait: bool, as_json: bool) -> None:
    """Submit a failed or cancelled job again; `failed`: of a segment job only what failed."""
    submit_with(
        load_settings(),
        lambda jobs, hear: jobs.retry(job_id, failed=failed, hear=hear),
        wait=wait,
        as_json=as_json,
        spell=lambda field: f"Job {job_id} cannot be retried: {field}",
    )


def submit_with(
    settings: Settings,
    submit: Callable[[Jobs, "Hear"], Job],
    *,
    wait: bool,
    as_json: bool,
    spell: Callable[[str], str] | None = None,
) -> None:
    """Submit a job, tell Celery, and wait for its end if that was asked for.

    Args:
        settings: of the platform.
        submit: does it, and tells what it is given what was found.
        wait: whether to wait.
        as_json: print JSON.
        spell: how fields that are refused were given; None: by options of `job submit`.

    Raises:
        RequestError: naming every option that does not fit.
        JobFailedError: if it was waited for and did not succeed.
    """
    from worker.cli.job.spec_options import refusals

    outlooks: list[Outlook] = []
    with open_jobs(settings, create=True) as jobs:
        if wait:  # loaded first, so that an interrupt meanwhile leaves no job behind
            from worker.cli.job.wait import wait_for

            with refusals(spell):
                job = submit(jobs, lambda outlook: _say(outlook.notices))
            wait_for(jobs, settings, job, as_json=as_json)
            return
        with refusals(spell):
            job = submit(jobs, outlooks.append)
    if as_json:
        print_json(job)
    else:
        click.echo(f"Job {job.id} is queued. To see its progress, run: deeplab job show {job.id}")
    _announce(settings, job, outlooks)


def _announce(settings: Settings, job: Job, outlooks: Sequence["Outlook"]) -> None:
    """Say what was found, and tell Celery of a job in the store of this machine."""
    is_alone = not settings.url and settings.embedded_broker and platform_at(settings) is None
    for outlook in outlooks:
        _say(outlook.notices if is_alone else outlook.sentences)
    if is_alone:
        _say([f"No platform is running in {settings.home}. The job starts when you run: deeplab up"])
    elif not settings.url and (notice := try_publish(settings, job)):
        _say([notice])


def _spell_change(field: str) -> str:
    return "--set" if field == "overrides" else f"--change {field}"


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(sentence, err=True)
