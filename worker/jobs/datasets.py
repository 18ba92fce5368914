"""Registered datasets: folders of images and masks that requests name instead of paths."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab.config import Config, parse_config
from deeplab.errors import DeepLabError
from deeplab.mirrors import shown
from worker.jobs import dataset_versions
from worker.jobs.database import read_clock
from worker.jobs.tables import DatasetRow, DatasetVersionRow
from worker.jobs.timestamp import Timestamp

if TYPE_CHECKING:
    from worker.jobs.dataset_surveys import Surveyed


class DatasetNotFoundError(DeepLabError):
    """There is no registered dataset of that name."""


class NameRefusedError(DeepLabError):
    """A dataset cannot have this name."""


@dataclass(frozen=True)
class Dataset:
    """A registered folder of images and masks."""

    id: int
    name: str
    root: str  # the folder that the layout begins at
    labels: str  # path of the labels file
    n_classes: int
    splits: dict[str, int]  # number of images by split
    layout: str  # DATASET.NAME
    category_ids: str | None  # DATASET.CATEGORY_IDS of the layout coco
    former_names: list[str]  # under which it is found, too
    confined: bool  # registered over HTTP, so that files to which links lead elsewhere are not shown
    created_at: Timestamp
    user: str | None  # who registered it; None: from the command line

    @property
    def names(self) -> list[str]:
        """Its name, and those that it had before."""
        return [self.name, *self.former_names]


def register(
    session: Session, name: str, surveyed: "Surveyed", user_id: int | None = None, *, confined: bool = False
) -> Dataset:
    """Register a folder, of which a survey has found the splits, with its first version.

    Args:
        session: the caller commits.
        name: of letters, digits, dots, dashes and underscores.
        surveyed: the folder; it was surveyed before the session, because others wait for this one to write.
        user_id: who registers it.
        confined: whether somebody does that over HTTP.

    Raises:
        NameRefusedError: if the name is taken or malformed; the caller then rolls back.
    """
    require_free(session, name)
    row = DatasetRow(
        name=name,
        root=shown(surveyed.root),
        created_at=read_clock(session),
        user_id=user_id,
        confined=confined,
        **_content(surveyed),
    )
    session.add(row)
    _flush(session, name)
    dataset_versions.add(session, row.id, surveyed.version, user_id)
    return _dataset(row)


def require_free(session: Session, name: str) -> None:
    """Refuse a name that is malformed, or that a dataset has or had. Raises NameRefusedError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", name):
        raise NameRefusedError(f"A name consists of at most 200 letters, digits, '.', '-' and '_', got {name!r}.")
    if (row := _find(session, name)) is not None:
        former = "" if row.name == name else f"; it is a former name of {row.name!r}"
        raise _taken(name, former)


def refresh(session: Session, name: str, surveyed: "Surveyed", user_id: int | None = None) -> tuple[Dataset, bool]:
    """Take over what a new survey of a dataset's folder has found.

    Returns:
        The dataset, and whether that is a new version of it.

    Raises:
        DatasetNotFoundError: if there is none of that name by now.
    """
    row = _get_row(session, name)
    for column, value in _content(surveyed).items():
        setattr(row, column, value)
    is_new = dataset_versions.add(session, row.id, surveyed.version, user_id)
    session.flush()
    return _dataset(row), is_new


def rename(session: Session, name: str, new_name: str) -> Dataset:
    """Give a dataset another name; requests that name it by the former one still find it.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        NameRefusedError: if the new name is taken or malformed.
    """
    row = _get_row(session, name)
    if new_name == row.name:
        return _dataset(row)
    if new_name not in row.former_names:  # it may have its former name again
        require_free(session, new_name)
    row.former_names = [each for each in (*row.former_names, row.name) if each != new_name]
    row.name = new_name
    _flush(session, new_name)
    return _dataset(row)


def remove(session: Session, name: str) -> Dataset:
    """Forget a dataset and its versions. Its files stay, and so do the jobs that used it.

    Raises:
        DatasetNotFoundError: if there is none of that name.
    """
    row = _get_row(session, name)
    dataset = _dataset(row)
    session.execute(delete(DatasetVersionRow).where(DatasetVersionRow.dataset_id == row.id))
    session.delete(row)
    session.flush()
    return dataset


def get_by_name(session: Session, name: str) -> Dataset:
    """Read one dataset by its name, or one that it had before.

    Raises:
        DatasetNotFoundError: if there is none of that name; the sentence lists the registered ones.
    """
    return _dataset(_get_row(session, name))


def section_of(dataset: Dataset) -> dict[str, Any]:
    """The keys of a configuration's section DATASET that a registered dataset replaces."""
    from worker.jobs.dataset_surveys import section_for  # with it comes all that reads images

    return section_for(dataset.layout, dataset.root, dataset.labels, dataset.n_classes, dataset.category_ids)


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


def find(session: Session, name: str) -> Dataset | None:
    """Read one dataset by its name, or one that it had before; None if there is none."""
    row = _find(session, name)
    return None if row is None else _dataset(row)


def _get_row(session: Session, name: str) -> DatasetRow:
    row = _find(session, name)
    if row is None:
        names = ", ".join(dataset.name for dataset in list_datasets(session)) or "none"
        raise DatasetNotFoundError(f"There is no dataset named {name!r} (registered: {names}).")
    return row


def _find(session: Session, name: str) -> DatasetRow | None:
    rows = session.scalars(select(DatasetRow)).all()  # few, whose former names no database can search alike
    by_name = {row.name: row for row in rows}
    return by_name.get(name) or next((row for row in rows if name in row.former_names), None)


def _content(surveyed: "Surveyed") -> dict[str, Any]:
    return {
        "labels": shown(surveyed.folder.labels),
        "n_classes": len(surveyed.version.class_names),
        "splits": surveyed.splits,
        "layout": surveyed.folder.layout,
        "category_ids": surveyed.category_ids,
    }


def _flush(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError:  # somebody else was faster
        raise _taken(name) from None


def _taken(name: str, former: str = "") -> NameRefusedError:
    return NameRefusedError(f"There is already a dataset named {name!r}{former}.")


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(**{name: getattr(row, name) for name in Dataset.__dataclass_fields__})
