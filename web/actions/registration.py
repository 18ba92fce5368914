"""Registers a dataset over HTTP, for the form and the API."""

from deeplab.confinement import lies_under
from deeplab.datasets.layouts.survey import FolderSurvey, LabelsFileError, SurveyLimits, survey_folder
from deeplab.files import is_plain
from deeplab.mirrors import local_path
from web.access.paths import outside, readable_roots
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.datasets import Dataset, NameRefusedError
from worker.jobs.requests.resolve import errors_at
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings

# What a request looks at; `deeplab dataset register` has no such limits.
_LIMITS = SurveyLimits(files=250_000, texts=100, list_bytes=10_000_000)


def register(
    settings: Settings, name: str, root: str, labels: str | None = None, *, user_id: int | None
) -> tuple[Dataset, FolderSurvey]:
    """Register a folder under the data roots; return the dataset, and what was found in the folder.

    Raises:
        SpecError: naming the field that is wrong: name, root or labels.
    """
    given = {"root": root.strip(), "labels": (labels or "").strip() or None}
    missing = {field: "is required." for field, value in (("name", name), ("root", given["root"])) if not value}
    if missing:
        raise SpecError(missing)
    foreign = {
        field: outside(path, settings)
        for field, path in given.items()
        if path is not None and not (is_plain(path) and lies_under(path, readable_roots(settings)))
    }
    if foreign:
        raise SpecError(foreign)
    folder = _survey(given["root"] or "", given["labels"])
    try:
        with open_session(settings) as session:
            return datasets.register(session, name.strip(), folder, user_id), folder
    except NameRefusedError as error:
        raise SpecError({"name": str(error)}) from error


def _survey(root: str, labels: str | None) -> FolderSurvey:
    with errors_at("root"):
        try:
            return survey_folder(local_path(root), None if labels is None else local_path(labels), limits=_LIMITS)
        except LabelsFileError as error:
            raise SpecError({"root" if labels is None else "labels": error.discreet}) from error
