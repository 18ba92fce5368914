"""Registered datasets: the list, and the page of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from deeplab.catalog import DATASET_NAMES
from deeplab.datasets.checking.report import DatasetReport
from deeplab.datasets.class_colours import class_colours_of
from deeplab.errors import DeepLabError
from deeplab.images.bands import AS_TAGGED
from deeplab.images.kinds import describe_passed_over
from web.access.permissions import may_change_dataset
from web.actions import registration, submission
from web.context import current_identity, current_settings, reading, signed_in
from web.forms.errors import as_sentence
from web.results import dataset_images
from web.results.dataset_images import Named
from web.results.images import send_image
from worker.jobs import dataset_versions, datasets
from worker.jobs.database import read_clock
from worker.jobs.dataset_reports import StoredReport, find_newest, read_report
from worker.jobs.datasets import Dataset
from worker.jobs.jobs import JobSummary
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.watching.job_list import JobFilter, list_jobs

_TITLES = {
    "name": "Name",
    "root": "Folder",
    "labels": "Labels file",
    "layout": "Layout",
    "category_ids": "Category ids",
}
_PREVIEWED = 8  # images of the first split
_JOBS = 10  # that the page names


@dataclass(frozen=True)
class Checked:
    """What the newest check of a dataset found."""

    stored: StoredReport
    report: DatasetReport
    n_problems: Mapping[str, int]  # by split


def list_datasets() -> str:
    """Show all datasets, and the form for another one."""
    return _render({}, {})


def register_dataset() -> str | Response | tuple[str, int]:
    """Register a folder, or show the form again with errors beside the fields."""
    form = request.form
    try:
        dataset, surveyed = registration.register(
            current_settings(),
            form.get("name", ""),
            form.get("root", ""),
            form.get("labels"),
            layout=form.get("layout", "") or "folder",
            category_ids=form.get("category_ids") or None,
            user_id=signed_in().user_id,
        )
    except SpecError as error:
        errors = {name: as_sentence(_TITLES.get(name, name), text) for name, text in error.fields.items()}
        return _render(form, errors), 422
    flash(f"Dataset {dataset.name} registered: {dataset.n_classes} classes.", "success")
    _flash_notes(surveyed.notes)
    return redirect(url_for("pages.show_dataset", name=dataset.name))


def show_dataset(name: str) -> str | Response:
    """Show everything about a dataset; the page reloads itself while it is being checked."""
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
        if dataset.name != name:  # a former name
            return redirect(url_for("pages.show_dataset", name=dataset.name))
        uses = dataset_versions.count_uses(session, dataset.names)
        listed = dataset_versions.list_uses(session, dataset.names, limit=_JOBS)
        checked, problem = _find_report(session, dataset)
        return render_template(
            "dataset.html",
            dataset=dataset,
            now=read_clock(session),
            names=dataset_images.class_names(session, dataset),
            colours=["#" + bytes(each).hex() for each in class_colours_of(datasets.config_of(dataset).DATASET)],
            versions=dataset_versions.list_versions(session, dataset.id),
            uses=uses,
            n_jobs=sum(uses.values()),
            jobs=listed,
            checking=_find_open_check(session, dataset),
            checked=checked,
            problem=problem,
            passed_over=_passed_over(checked),
            samples=_samples(session, dataset),
            may_change=may_change_dataset(dataset, current_identity()),
        )


def check_dataset(name: str) -> Response:
    """Submit a job that checks the dataset."""
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
    spec = parse_spec("check", {"dataset": dataset.name})
    done = submission.submit(current_settings(), spec, user_id=signed_in().user_id)
    flash(done.notice or f"Job {done.job.id} checks {dataset.name}.", "warning" if done.notice else "success")
    return redirect(url_for("pages.show_dataset", name=dataset.name))


def refresh_dataset(name: str) -> Response:
    """Read splits and classes anew."""
    try:
        dataset, surveyed, is_new = registration.refresh(current_settings(), name, user_id=signed_in().user_id)
    except SpecError as error:
        flash(" ".join(error.fields.values()), "danger")
    else:
        flash("This is a new version." if is_new else f"Nothing in {dataset.name} has changed.", "success")
        _flash_notes(surveyed.notes)
    return redirect(url_for("pages.show_dataset", name=name))


def rename_dataset(name: str) -> Response:
    """Give the dataset another name."""
    try:
        name = registration.rename(current_settings(), name, request.form.get("name", ""), signed_in()).name
    except SpecError as error:
        flash(" ".join(error.fields.values()), "danger")
    return redirect(url_for("pages.show_dataset", name=name))


def remove_dataset(name: str) -> Response:
    """Unregister the dataset."""
    dataset, _, _ = registration.remove(current_settings(), name, signed_in())
    flash(f"Dataset {dataset.name} is unregistered; its files stay in {dataset.root}.", "success")
    return redirect(url_for("pages.list_datasets"))


def dataset_preview(name: str) -> FlaskResponse:
    """Send what the newest check drew of the samples that a training sees."""
    with reading() as session:
        stored = find_newest(session, datasets.get_by_name(session, name).names)
    if stored is None:
        abort(404, f"{name} was not checked yet.")
    return send_image(stored.preview, AS_TAGGED)


def _render(values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    with reading() as session:
        known = datasets.list_datasets(session)
        now = read_clock(session)
    return render_template(
        "datasets.html", datasets=known, values=values, errors=errors, now=now, layouts=DATASET_NAMES
    )


def _flash_notes(notes: list[str]) -> None:
    for note in notes:
        flash(note, "warning")


def _find_report(session: Session, dataset: Dataset) -> tuple[Checked | None, str | None]:
    """The newest report, or why it cannot be read."""
    stored = find_newest(session, dataset.names)
    if stored is None:
        return None, None
    try:
        return Checked(stored, *read_report(stored.path)), None
    except DeepLabError as error:
        return None, str(error)


def _find_open_check(session: Session, dataset: Dataset) -> JobSummary | None:
    """The newest check of a dataset that has yet to end."""
    found = [
        job
        for name in dataset.names
        for job in list_jobs(session, JobFilter(kind="check", dataset=name), limit=5)
        if not job.is_terminal
    ]
    return max(found, key=lambda job: job.id, default=None)


def _passed_over(checked: Checked | None) -> list[str]:
    kinds = checked.report.passed_over if checked else {}
    return [f"{folder}: {describe_passed_over(each)}." for folder, each in kinds.items()]


def _samples(session: Session, dataset: Dataset) -> tuple[str, list[Named]]:
    """The first split, and some of its images, spread over it; none if it cannot be listed any more."""
    split = next(iter(dataset.splits))
    ref = dataset_images.find_split(session, dataset.name, split)[1]
    if dataset_images.describe_problem(ref):
        return split, []
    images = dataset_images.list_images(ref)
    return split, images[:: max(1, -(-len(images) // _PREVIEWED))]
