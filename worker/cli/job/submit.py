"""What `deeplab job submit`, `retry` and `clone` do: submit a job, say so, and wait for its end."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from worker.cli.output import print_json
from worker.cli.store import create_store
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
    from worker.cli.job.spec_options import refusals, request_of
    from worker.jobs import presets
    from worker.jobs.chained_submission import prepare_chain, submit_chain
    from worker.jobs.preflight.preflight import Outlook
    from worker.jobs.requests.label import parse_label
    from worker.jobs.requests.specs import parse_spec

    settings, request = load_settings(), request_of(values)
    with refusals():
        if request.get("preset"):
            create_store(settings)
            request = presets.expand(settings, request, None)
        spec, named = parse_spec(kind, request), parse_label(label)

    def submit(hear: "Hear") -> Job:
        prepared = prepare_chain(settings, spec, then, environment=os.environ)
        job, *following = submit_chain(settings, prepared, label=named)
        first, *others = (each.outlook for each in prepared)
        hear(Outlook(first.waits, [*first.notices, *(notice for each in others for notice in each.notices)]))
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
    from worker.jobs import jobs, submission
    from worker.jobs.database import open_session

    fields: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise click.BadParameter(f"expected FIELD=VALUE, such as seed=7, got {change!r}.", param_hint="--change")
        fields[name.strip()] = value
    settings = load_settings()

    def submit(hear: "Hear") -> Job:
        with open_session(settings, reads_only=True) as session:
            earlier = jobs.get(session, job_id).spec["overrides"]
        merged = {"overrides": [*earlier, *overrides], **request_of(fields)}
        return submission.clone(settings, job_id, merged, environment=os.environ, hear=hear)

    submit_with(settings, submit, wait=wait, as_json=as_json, spell=_spell_change)


def submit_with(
    settings: Settings,
    submit: Callable[["Hear"], Job],
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

    create_store(settings)
    if wait:  # loaded first, so that an interrupt meanwhile leaves no job behind
        from worker.cli.job.wait import wait_for

        with refusals(spell):
            job = submit(lambda outlook: _say(outlook.notices))
        wait_for(settings, job, as_json=as_json)
        return
    outlooks: list[Outlook] = []
    with refusals(spell):
        job = submit(outlooks.append)
    if as_json:
        print_json(job)
    else:
        click.echo(f"Job {job.id} is queued. To see its progress, run: deeplab job show {job.id}")
    is_alone = settings.embedded_broker and platform_at(settings) is None
    for outlook in outlooks:
        _say(outlook.notices if is_alone else outlook.sentences)
    if is_alone:
        click.echo(f"No platform is running in {settings.home}. The job starts when you run: deeplab up", err=True)
        return
    if notice := try_publish(settings, job):
        click.echo(notice, err=True)


def _spell_change(field: str) -> str:
    return "--set" if field == "overrides" else f"--change {field}"


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(sentence, err=True)
