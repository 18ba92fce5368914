"""Registered datasets: folders of images and masks that requests name instead of paths."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.config import Config, parse_config
from deeplab.datasets.layouts.survey import PALETTE, FolderSurvey
from deeplab.errors import DeepLabError
from deeplab.mirrors import local_path, shown
from worker.jobs.database import read_clock
from worker.jobs.tables import DatasetRow
from worker.jobs.timestamp import Timestamp


class DatasetNotFoundError(DeepLabError):
    """There is no registered dataset of that name."""


class NameRefusedError(DeepLabError):
    """A dataset cannot have this name."""


@dataclass(frozen=True)
class Dataset:
    """A registered folder of images and masks."""

    id: int
    name: str
    root: str  # the folder that holds images/, masks/ and the split lists
    labels: str  # path of the labels file
    n_classes: int
    splits: dict[str, int]  # number of images by split
    created_at: Timestamp
    user: str | None  # who registered it; None: from the command line


def register(session: Session, name: str, folder: FolderSurvey, user_id: int | None = None) -> Dataset:
    """Register a folder, of which a survey has found the splits.

    A palette.txt in the folder becomes DATASET.PALETTE.

    Args:
        session: the caller commits.
        name: of letters, digits, dots, dashes and underscores.
        folder: the folder; it was surveyed before the session, because others wait for this one to write.
        user_id: who registers it.

    Raises:
        NameRefusedError: if the name is taken or malformed; the caller then rolls back.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise NameRefusedError(f"A name consists of letters, digits, '.', '-' and '_', got {name!r}.")
    taken = NameRefusedError(f"There is already a dataset named {name!r}.")
    if session.scalar(select(DatasetRow.id).where(DatasetRow.name == name)):
        raise taken
    row = DatasetRow(
        name=name,
        root=shown(folder.root),
        labels=shown(folder.labels),
        n_classes=len(folder.class_names),
        splits=folder.splits,
        created_at=read_clock(session),
        user_id=user_id,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError:  # somebody else was faster
        raise taken from None
    return _dataset(row)


def get_by_name(session: Session, name: str) -> Dataset:
    """Read one dataset.

    Raises:
        DatasetNotFoundError: if there is none of that name; the sentence lists the registered ones.
    """
    row = session.scalars(select(DatasetRow).where(DatasetRow.name == name)).one_or_none()
    if row is None:
        names = ", ".join(dataset.name for dataset in list_datasets(session)) or "none"
        raise DatasetNotFoundError(f"There is no dataset named {name!r} (registered: {names}).")
    return _dataset(row)


def section_of(dataset: Dataset) -> dict[str, Any]:
    """The keys of a configuration's section DATASET that a registered dataset replaces."""
    palette = local_path(dataset.root) / PALETTE
    return {
        "NAME": "folder",
        "ROOT": dataset.root,
        "LABELS": dataset.labels,
        "PALETTE": str(palette) if remote.is_file(palette) else None,
        "N_CLASSES": dataset.n_classes,
    }


def config_of(dataset: Dataset, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a dataset, with overrides, and the defaults for everything else.

    Raises:
        ConfigError: if an override is not valid.
    """
    return parse_config({"DATASET": section_of(dataset)}, f"dataset {dataset.name}", overrides)


def list_datasets(session: Session, *, after: str = "", limit: int | None = None) -> list[Dataset]:
    """List datasets by name: those behind the name `after`, at most `limit` of them if given."""
    query = select(DatasetRow).where(DatasetRow.name > after).order_by(DatasetRow.name)
    return [_dataset(row) for row in session.scalars(query.limit(limit))]


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(**{name: getattr(row, name) for name in Dataset.__dataclass_fields__})
