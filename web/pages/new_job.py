"""The forms for new jobs, and the picker of folders and files on the server."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
from web.context import current_settings, reading, signed_in, writing
from web.forms.job_form import as_request, as_values, build_form, build_label_fields, read_form
from web.forms.options import load_options
from web.forms.training import follow
from worker.jobs import jobs, presets
from worker.jobs.catalog import KINDS, PASSING, parse_integer
from worker.jobs.chained_submission import parse_steps
from worker.jobs.experiments import list_names
from worker.jobs.presets import PresetNameError
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
    entered = {"experiment": request.args.get("experiment", ""), "preset": request.args.get("preset", "")}
    if entered["preset"]:
        entered["changed"] = "preset"
    return _render(kind, values | given, {}, parent_id, entered)


def follow_training() -> str:
    """Show the form of a training again, with its fields and its YAML in step."""
    values, entered = read_form("train", request.form), request.form.to_dict()
    return _render("train", values, {}, _parent_id(request.form), entered)


def create_job(kind: str) -> str | Response | tuple[str, int]:
    """Submit the form, or show it again with errors beside the fields."""
    values = read_form(kind, request.form)
    parent_id = _parent_id(request.form)
    entered = request.form.to_dict() | {"changed": "fields", "then": " ".join(request.form.getlist("then"))}
    settings, user_id = current_settings(), signed_in().user_id
    try:
        label = parse_label({name: request.form.get(name, "") for name in Label.model_fields})
        wish = as_request(kind, values)
        if kind == "train" and "config" not in wish:
            wish = presets.expand(settings, {**wish, "preset": request.form.get("preset")}, user_id)
        done = submission.submit(
            settings,
            parse_spec(kind, wish),
            user_id=user_id,
            parent_id=parent_id,
            label=label,
            then=parse_steps(request.form.getlist("then")),
        )
    except SpecError as error:
        return _render(kind, values, error.fields, parent_id, entered), 422
    for notice in done.notices:
        flash(notice, "warning")
    if done.following:
        names = " and ".join(f"job {job.id} ({job.kind})" for job in done.following)
        flash(f"It is followed by {names}.", "success")
    return redirect(url_for("pages.show_job", job_id=done.job.id))


def save_preset() -> Response:
    """Save configuration and changes of the form of a training as a preset, and go back to it."""
    values = read_form("train", request.form)
    name, user_id = request.form.get("preset_name", "").strip(), signed_in().user_id
    lines = [line.strip() for line in values["overrides"].splitlines() if line.strip()]
    chosen: dict[str, Any] = {name: values[name] for name in ("config", "dataset", "overrides") if values[name]}
    try:
        if not values["config"].strip():
            raise PresetNameError("A preset needs a configuration; choose one first.")
        with writing() as session:
            presets.save(session, name, values["config"].strip(), lines, user_id)
    except PresetNameError as error:
        flash(str(error), "danger")
    else:
        flash(f"Saved as preset {name}.", "success")
        chosen["preset"] = name
    return redirect(url_for("pages.new_job", kind="train", **chosen))


def remove_preset() -> Response:
    """Remove a preset that somebody saved."""
    name = request.form.get("preset", "")
    with writing() as session:
        presets.remove(session, name, signed_in().user_id)
    flash(f"Removed the preset {name}.", "success")
    return redirect(url_for("pages.new_job", kind="train"))


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
    training = None
    if kind == "train":
        training = follow(current_settings(), values, entered, signed_in().user_id)
        values, errors = training.values, training.errors | dict(errors)
    with reading() as session:
        form = build_form(kind, load_options(session, kind, values), values, errors)
        experiments = list_names(session)
    return render_template(
        "new_job.html",
        form=form,
        training=training,
        kinds=[each for each in KINDS if each != PASSING],  # which the page of a checkpoint submits
        purpose=SPECS[kind].__doc__,
        parent_id=parent_id,
        n_errors=len(errors),
        errors=errors,
        label=build_label_fields(entered, errors, experiments),
        then=entered.get("then", "").split(),
    )
