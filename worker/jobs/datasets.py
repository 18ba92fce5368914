"""Registered datasets: folders of images and masks that requests name instead of paths."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab.config import Config, parse_config
from deeplab.datasets.class_names import load_class_names
from deeplab.errors import DatasetError, DeepLabError
from deeplab.files import printable, read_text, real_path
from deeplab.images.listing import scan_folder
from worker.jobs.database import db_now
from worker.jobs.tables import DatasetRow

_PALETTE = "palette.txt"  # in a dataset whose masks are colours


class DatasetNotFoundError(DeepLabError):
    """There is no registered dataset of that name."""


class DatasetRefusedError(DeepLabError):
    """A dataset that cannot be registered; `field` says what is wrong: name, root or labels."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Dataset:
    """A registered folder of images and masks."""

    id: int
    name: str
    root: str  # the folder that holds images/, masks/ and the split lists
    labels: str  # path of the labels file
    n_classes: int
    splits: dict[str, int]  # number of images by split
    created_at: float


def register(session: Session, name: str, root: Path, labels: Path | None = None) -> Dataset:
    """Register a folder of images/, masks/, one list of ids per split (<split>.txt) and a labels file.

    A palette.txt in the folder becomes DATASET.PALETTE.

    Args:
        session: the caller commits.
        name: of letters, digits, dots, dashes and underscores.
        root: the folder.
        labels: the labels file; None: labels.txt in the folder.

    Raises:
        DatasetRefusedError: if the name is taken or malformed, or the folder lacks something.
        DatasetError: if the labels file is malformed.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise DatasetRefusedError("name", f"A name consists of letters, digits, '.', '-' and '_', got {name!r}.")
    if session.scalar(select(DatasetRow.id).where(DatasetRow.name == name)):
        raise DatasetRefusedError("name", f"There is already a dataset named {name!r}.")
    root = real_path(root)
    for part in (root, root / "images", root / "masks"):
        if not part.is_dir():
            raise DatasetRefusedError(
                "root", f"{part} is not a folder; a dataset has images/, masks/ and its split lists."
            )
    labels = root / "labels.txt" if labels is None else real_path(labels)
    splits = {
        path.stem: _count_ids(path) for path in sorted(root.glob("*.txt")) if path not in (labels, root / _PALETTE)
    }
    if not splits:
        raise DatasetRefusedError("root", f"{root} has no split list, such as train.txt with one image id per line.")
    row = DatasetRow(
        name=name,
        root=str(root),
        labels=str(labels),
        n_classes=len(load_class_names(labels)),
        splits=splits,
        created_at=session.scalar(select(db_now())),
    )
    session.add(row)
    session.flush()
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


def passed_over(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Count the files of a dataset that are of kinds that are not read, by folder and kind."""
    kinds = {}
    for folder in (Path(dataset.root) / name for name in ("images", "masks")):
        with suppress(DatasetError):  # an empty folder may be filled later
            kinds[printable(folder)] = scan_folder(folder).passed_over
    return {folder: counts for folder, counts in kinds.items() if counts}


def section_of(dataset: Dataset) -> dict[str, Any]:
    """The keys of a configuration's section DATASET that a registered dataset replaces."""
    palette = Path(dataset.root) / _PALETTE
    return {
        "NAME": "folder",
        "ROOT": dataset.root,
        "LABELS": dataset.labels,
        "PALETTE": str(palette) if palette.is_file() else None,
        "N_CLASSES": dataset.n_classes,
    }


def config_of(dataset: Dataset, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a dataset, with overrides, and the defaults for everything else.

    Raises:
        ConfigError: if an override is not valid.
    """
    return parse_config({"DATASET": section_of(dataset)}, f"dataset {dataset.name}", overrides)


def list_datasets(session: Session) -> list[Dataset]:
    """All datasets by name."""
    return [_dataset(row) for row in session.scalars(select(DatasetRow).order_by(DatasetRow.name))]


def _count_ids(path: Path) -> int:
    try:
        return sum(1 for line in read_text(path).splitlines() if line.strip())
    except (OSError, UnicodeError) as error:
        raise DatasetRefusedError("root", f"{path} is not a list of image ids: {error}.") from error


def _dataset(row: DatasetRow) -> Dataset:
    return Dataset(**{name: getattr(row, name) for name in Dataset.__dataclass_fields__})
