"""Registered datasets."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from deeplab.images.kinds import describe_passed_over
from web.actions.dataset_check import check
from web.actions.registration import register
from web.context import current_settings, reading, signed_in
from web.forms.errors import as_sentence
from worker.jobs import datasets
from worker.jobs.database import read_clock
from worker.jobs.requests.spec_error import SpecError

_TITLES = {"name": "Name", "root": "Folder"}


def list_datasets() -> str:
    """Show all datasets, and the form for another one."""
    return _render({}, {})


def register_dataset() -> str | Response | tuple[str, int]:
    """Register a folder, or show the form again with errors beside the fields."""
    try:
        name, root = request.form.get("name", ""), request.form.get("root", "")
        dataset, surveyed = register(current_settings(), name, root, user_id=signed_in().user_id)
    except SpecError as error:
        errors = {name: as_sentence(_TITLES.get(name, name), text) for name, text in error.fields.items()}
        return _render(request.form, errors), 422
    flash(f"Dataset {dataset.name} registered: {dataset.n_classes} classes.", "success")
    for note in surveyed.notes:
        flash(note, "warning")
    return redirect(url_for("pages.list_datasets"))


def check_dataset(name: str) -> str:
    """Check a dataset and show what was found."""
    report = check(name)
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
    passed_over = [f"{folder}: {describe_passed_over(kinds)}." for folder, kinds in report.passed_over.items()]
    return render_template("dataset_check.html", dataset=dataset, report=report, passed_over=passed_over)


def _render(values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    with reading() as session:
        known = datasets.list_datasets(session)
        now = read_clock(session)
    return render_template("datasets.html", datasets=known, values=values, errors=errors, now=now)
