"""Registers, refreshes, renames and removes datasets over HTTP, for the pages and the API."""

from pathlib import Path

from deeplab.catalog import DATASET_NAMES
from deeplab.confinement import lies_under
from deeplab.datasets.layouts.survey import LabelsFileError, SurveyLimits
from deeplab.files import is_plain
from deeplab.formats import shortened
from deeplab.mirrors import local_path
from web.access.paths import outside, readable_roots
from web.access.permissions import require_own_dataset
from web.context import Identity
from worker.jobs import dataset_versions, datasets
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import Surveyed, survey
from worker.jobs.dataset_versions import Use
from worker.jobs.datasets import Dataset, NameRefusedError
from worker.jobs.requests.resolve import errors_at
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings

# What a request looks at; `deeplab dataset register` has no such limits.
_LIMITS = SurveyLimits(files=250_000, texts=100, list_bytes=10_000_000, json_bytes=100_000_000)
_CATEGORY_IDS = ("original", "contiguous")


def register(
    settings: Settings,
    name: str,
    root: str,
    labels: str | None = None,
    *,
    layout: str = "folder",
    category_ids: str | None = None,
    user_id: int | None,
) -> tuple[Dataset, Surveyed]:
    """Register a folder under the data roots; return the dataset, and what was found in the folder.

    Raises:
        SpecError: naming the field that is wrong: name, root, labels, layout or category_ids.
    """
    given = {"root": root.strip(), "labels": (labels or "").strip() or None}
    missing = {field: "is required." for field, value in (("name", name), ("root", given["root"])) if not value}
    if missing:
        raise SpecError(missing)
    _check_layout(layout, category_ids)
    foreign = {
        field: outside(path, settings)
        for field, path in given.items()
        if path is not None and not (is_plain(path) and lies_under(path, readable_roots(settings)))
    }
    if foreign:
        raise SpecError(foreign)
    surveyed = _survey(given["root"] or "", given["labels"], layout, category_ids)
    try:
        with open_session(settings) as session:
            return datasets.register(session, name.strip(), surveyed, user_id, confined=True), surveyed
    except NameRefusedError as error:
        raise SpecError({"name": str(error)}) from error


def refresh(settings: Settings, name: str, *, user_id: int | None) -> tuple[Dataset, Surveyed, bool]:
    """Read the splits and classes of a dataset anew; say what was found, and whether it is a new version.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        SpecError: naming what is wrong with its folder or labels file.
    """
    with open_session(settings, reads_only=True) as session:
        known = datasets.get_by_name(session, name)
    surveyed = _survey(known.root, known.labels, known.layout, known.category_ids)
    with open_session(settings) as session:
        refreshed, is_new = datasets.refresh(session, known.name, surveyed, user_id)
    return refreshed, surveyed, is_new


def rename(settings: Settings, name: str, new_name: str, identity: Identity) -> Dataset:
    """Give a dataset another name: one's own, or as an admin anybody's.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        ForbiddenError: if it is somebody else's.
        SpecError: if the new name is taken or malformed.
    """
    with open_session(settings) as session:
        require_own_dataset(datasets.get_by_name(session, name), identity, "rename it")
        try:
            return datasets.rename(session, name, new_name.strip())
        except NameRefusedError as error:
            raise SpecError({"name": str(error)}) from error


def remove(settings: Settings, name: str, identity: Identity) -> tuple[Dataset, list[Use], int]:
    """Unregister a dataset: one's own, or as an admin anybody's. Its files stay.

    Returns:
        What it was, the newest jobs that refer to it, and how many do.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        ForbiddenError: if it is somebody else's.
    """
    with open_session(settings) as session:
        dataset = datasets.get_by_name(session, name)
        require_own_dataset(dataset, identity, "remove it")
        uses = dataset_versions.list_uses(session, dataset.names)
        n_jobs = sum(dataset_versions.count_uses(session, dataset.names).values())
        return datasets.remove(session, name), uses, n_jobs


def _check_layout(layout: str, category_ids: str | None) -> None:
    wrong = {}
    if layout not in DATASET_NAMES:
        wrong["layout"] = f"must be one of {', '.join(DATASET_NAMES)}, got {shortened(layout)}."
    if category_ids is not None and (layout != "coco" or category_ids not in _CATEGORY_IDS):
        wrong["category_ids"] = f"must be one of {', '.join(_CATEGORY_IDS)}, and only with the layout coco."
    if wrong:
        raise SpecError(wrong)


def _survey(root: str, labels: str | None, layout: str, category_ids: str | None) -> Surveyed:
    with errors_at("root"):
        try:
            return survey(local_path(root), _path(labels), layout=layout, category_ids=category_ids, limits=_LIMITS)
        except LabelsFileError as error:
            raise SpecError({"root" if labels is None else "labels": error.discreet}) from error


def _path(text: str | None) -> Path | None:
    return None if text is None else local_path(text)
