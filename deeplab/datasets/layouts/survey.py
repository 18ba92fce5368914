"""What a folder of a layout holds, found out before it is registered. Torch-free."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deeplab import remote
from deeplab.datasets.class_names import load_class_names
from deeplab.datasets.layouts.folder import FileIndex
from deeplab.datasets.layouts.lists import id_of, read_lines
from deeplab.datasets.nearby import spelling
from deeplab.errors import DatasetError
from deeplab.files import LARGEST_LIST, printable, real_path
from deeplab.images.kinds import IMAGE_SUFFIXES, describe_passed_over
from deeplab.images.listing import scan_folder

PALETTE = "palette.txt"  # in a folder whose masks are colours


@dataclass(frozen=True)
class SurveyLimits:
    """How much a survey looks at before it gives up."""

    files: int | None = None  # in images/ or masks/; None: any number
    texts: int | None = None  # files that may be split lists
    list_bytes: int = LARGEST_LIST  # of a split list
    json_bytes: int | None = None  # of a file of annotations


class LabelsFileError(DatasetError):
    """The labels file of a folder cannot be used."""


_UNLIMITED = SurveyLimits()


@dataclass(frozen=True)
class FolderSurvey:
    """A folder of images, their masks or annotations, splits and a labels file."""

    root: Path
    labels: Path  # the labels file
    class_names: Sequence[str]  # what it holds
    splits: dict[str, int]  # number of lines by split; of other layouts 0
    other_texts: dict[str, str] = field(default_factory=dict)  # text files that are no split lists, and why
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)  # files that are not read, by folder and kind
    layout: str = "folder"  # as DATASET.NAME

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing in the folder that is not read."""
        texts = [
            f"{printable(self.root / name)} is no split list: {reason}." for name, reason in self.other_texts.items()
        ]
        return texts + [f"{folder}: {describe_passed_over(kinds)}." for folder, kinds in self.passed_over.items()]


def survey_folder(root: Path, labels: Path | None = None, *, limits: SurveyLimits = _UNLIMITED) -> FolderSurvey:
    """Look which splits a folder has, and what in it is not read.

    A text file in the folder is a split list if at least one of its lines names an image in images/, so that an image
    that is missing does not unmake a split, and a README.txt does not become one.

    Args:
        root: the folder.
        labels: the labels file; None: labels.txt in the folder.
        limits: what is refused as too much.

    Raises:
        LabelsFileError: if the labels file is missing or malformed.
        DatasetError: if images/, masks/, an image or a split list is missing, or there are too many files.
    """
    root = real_path(root)
    for part in (root, root / "images", root / "masks"):
        if not remote.is_folder(part):
            raise DatasetError(f"{part} is not a folder; a dataset has images/, masks/ and its split lists.")
    labels = root / "labels.txt" if labels is None else real_path(labels)
    images = scan_folder(root / "images", most=limits.files)
    passed_over = {printable(root / "images"): images.passed_over}
    with suppress(DatasetError):  # an empty folder may be filled later
        passed_over[printable(root / "masks")] = scan_folder(root / "masks", most=limits.files).passed_over
    texts = sorted(path for each in remote.scan(root) if _may_be_list(path := root / each.name, labels))
    if limits.texts is not None and len(texts) > limits.texts:
        raise DatasetError(f"{root} holds {len(texts):,} text files, any of which may be a split list; expected a few.")
    splits, others = _find_splits(texts, root / "images", images.paths, limits.list_bytes)
    if not splits:
        found = "".join(f"; {name}: {reason}" for name, reason in others.items())
        raise DatasetError(f"{root} has no split list, such as train.txt with one image id per line{found}.")
    class_names = read_labels(labels)
    passed_over = {folder: kinds for folder, kinds in passed_over.items() if kinds}
    return FolderSurvey(root, labels, class_names, splits, others, passed_over)


def _may_be_list(path: Path, labels: Path) -> bool:
    return path.suffix == ".txt" and path not in (labels, path.with_name(PALETTE))


def read_labels(path: Path) -> list[str]:
    """Read the names of the classes. Raises LabelsFileError if the file is missing or malformed."""
    try:
        return load_class_names(path)
    except DatasetError as error:
        raise LabelsFileError(str(error), discreet=error.discreet) from error


def _find_splits(
    texts: Sequence[Path], images: Path, paths: Sequence[str], list_bytes: int
) -> tuple[dict[str, int], dict[str, str]]:
    """Tell split lists, with their number of lines, from other text files, with the reason."""
    index = FileIndex(images, paths, IMAGE_SUFFIXES)
    splits: dict[str, int] = {}
    others: dict[str, str] = {}
    for path in texts:
        try:
            lines = [line for _, line in read_lines(path, "one id per line", list_bytes)]
        except DatasetError as error:
            others[path.name] = str(error).removeprefix(f"{printable(path)}: ").rstrip(".")
            continue
        ids = (id_of(line, images) for line in lines)
        if any(name is not None and index.candidates(spelling(name)) for name in ids):
            splits[path.stem] = len(lines)
        else:
            others[path.name] = "none of its lines names an image"
    return splits, others
