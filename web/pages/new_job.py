"""The forms for new jobs, and the picker of folders and files on the server."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from deeplab.video.kinds import VIDEO_SUFFIXES
from web.access.folders import (
    WEIGHTS_SUFFIXES,
    FolderRefusedError,
    list_folder,
    list_roots,
    shipped_configs,
)
from web.access.paths import CONFIG_SUFFIXES, EXPORT_SUFFIXES
from web.actions import submission
from web.context import current_settings, reading, signed_in
from web.forms.job_form import as_request, as_values, build_form, build_label_fields, read_form
from web.forms.options import load_options
from worker.jobs import jobs
from worker.jobs.catalog import KINDS, PASSING, parse_integer
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import SPECS, parse_spec

_PICKED_FILES = {
    "folder": frozenset[str](),
    "input": VIDEO_SUFFIXES,
    "config": CONFIG_SUFFIXES,
    "weights": WEIGHTS_SUFFIXES,
    "export": EXPORT_SUFFIXES,
}


def choose_kind() -> Response:
    """Redirect to the form of a train job, the first tab."""
    return redirect(url_for("pages.new_job", kind="train"))


def new_job(kind: str) -> str:
    """Show the empty form; ?clone= fills it with a job's request, and ?<field>= sets a field."""
    values: dict[str, str] = {}
    parent_id = _parent_id(request.args)
    if parent_id is not None:
        with reading() as session:
            parent = jobs.get(session, parent_id)
        values = as_values(kind, parent.spec) if parent.kind == kind else {}
    given = {name: value for name, value in request.args.items() if name in SPECS[kind].model_fields}
    return _render(kind, values | given, {}, parent_id)


def create_job(kind: str) -> str | Response | tuple[str, int]:
    """Submit the form, or show it again with errors beside the fields."""
    values = read_form(kind, request.form)
    parent_id = _parent_id(request.form)
    entered = {name: request.form.get(name, "") for name in Label.model_fields}
    try:
        label = parse_label(entered)
        spec = parse_spec(kind, as_request(kind, values))
        user_id = signed_in().user_id
        job, notice = submission.submit(current_settings(), spec, user_id=user_id, parent_id=parent_id, label=label)
    except SpecError as error:
        return _render(kind, values, error.fields, parent_id, entered), 422
    if notice:
        flash(notice, "warning")
    return redirect(url_for("pages.show_job", job_id=job.id))


def pick() -> str:
    """Show a folder in the picker; without ?path=, or if it cannot be listed, the roots."""
    wanted = request.args.get("for", "folder")
    if wanted not in _PICKED_FILES:
        abort(404)
    settings, error = current_settings(), None
    listing = list_roots(settings)
    if path := request.args.get("path"):
        try:
            listing = list_folder(settings, path, _PICKED_FILES[wanted])
        except FolderRefusedError as refusal:
            error = str(refusal)
    configs = shipped_configs() if wanted == "config" and listing.path is None else []
    return render_template(
        "picker.html", listing=listing, wanted=wanted, configs=configs, roots=settings.roots, error=error
    )


def _parent_id(source: Mapping[str, str]) -> int | None:
    return parse_integer(source.get("clone", ""))


def _render(
    kind: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    parent_id: int | None,
    entered: Mapping[str, str] = MappingProxyType({}),
) -> str:
    with reading() as session:
        form = build_form(kind, load_options(session, kind, values), values, errors)
    return render_template(
        "new_job.html",
        form=form,
        kinds=[each for each in KINDS if each != PASSING],  # which the page of a checkpoint submits
        purpose=SPECS[kind].__doc__,
        parent_id=parent_id,
        n_errors=len(errors),
        label=build_label_fields(entered, errors),
    )
