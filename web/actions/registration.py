"""Registers a dataset over HTTP, for the form and the API."""

from pathlib import Path

from deeplab.errors import DatasetError
from web.access.paths import is_plain_text, lies_under, outside, readable_roots
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.datasets import Dataset, DatasetRefusedError
from worker.jobs.requests.specs import SpecError
from worker.jobs.settings import Settings


def register(settings: Settings, name: str, root: str, labels: str | None = None) -> Dataset:
    """Register a folder under the data roots.

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
        if path is not None and not (is_plain_text(path) and lies_under(path, readable_roots(settings)))
    }
    if foreign:
        raise SpecError(foreign)
    labels_path = None if given["labels"] is None else Path(given["labels"])
    try:
        with open_session(settings) as session:
            return datasets.register(session, name.strip(), Path(given["root"] or ""), labels_path)
    except DatasetRefusedError as error:
        raise SpecError({error.field: str(error)}) from error
    except DatasetError as error:
        raise SpecError({"root" if labels is None else "labels": str(error)}) from error
