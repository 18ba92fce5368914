"""Import an export, from an archive to a dataset in its place. Torch-free."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deeplab.archives import Limits, unpack
from deeplab.datasets.importing.by_name import read_export
from deeplab.datasets.importing.draft import draft_beside, publish
from deeplab.datasets.importing.files import ExportFiles
from deeplab.datasets.importing.writing import Written, write_dataset
from deeplab.datasets.layouts.survey import survey_folder
from deeplab.errors import DatasetError, ImageError
from deeplab.files import printable, real_path
from deeplab.reporter import Reporter

MOST_FILES = 2_000_000  # of an archive
MOST_RATIO = 100  # bytes for each byte of an archive
_ANNOTATIONS = (".json", ".xml")
_LIMITS = Limits(MOST_FILES, MOST_RATIO)


@dataclass(frozen=True)
class Choices:
    """What a person may choose about an import."""

    format: str | None = None  # None: as the files tell
    images: Path | None = None  # where images lie that the export lacks
    colours: Path | None = None  # table of colours, if the export has none
    ignores_unlabelled: bool = False  # what nobody labelled is ignored, not background
    val_share: float | None = None  # as for `assign_splits`
    seed: int = 0


@dataclass(frozen=True)
class Imported:
    """What became of an export."""

    format: str
    written: Written


def import_export(
    source: Path, target: Path, reporter: Reporter, choices: Choices, *, limits: Limits = _LIMITS
) -> Imported:
    """Make a dataset in `target` out of an export; it is made as a whole or not at all.

    Args:
        source: a .zip or .tar file, its unpacked folder, or its one JSON or XML file.
        target: a folder that does not exist, or is empty.
        reporter: hears of each file and image.
        choices: of a person.
        limits: what an archive may unpack to.

    Raises:
        DatasetError, ImageError: if the export is not as its format requires; files are named as in the archive.
        OutputError: if the target is not empty, or something cannot be written.
        Stopped: when asked to stop.
    """
    with draft_beside(target) as draft:
        unpacked = _unpacked(real_path(source), draft, reporter, limits)
        with _named_as_in(source, unpacked):
            name, export = read_export(ExportFiles(unpacked, choices.images, choices.colours), choices.format)
            written = write_dataset(
                export,
                draft / "dataset",
                reporter,
                ignores_unlabelled=choices.ignores_unlabelled,
                val_share=choices.val_share,
                seed=choices.seed,
                movable=draft,
            )
        survey_folder(draft / "dataset")
        publish(draft / "dataset", target)
    return Imported(name, written)


def _unpacked(source: Path, draft: Path, reporter: Reporter, limits: Limits) -> Path:
    """The folder of an export, unpacked if it is an archive, or its one file of annotations."""
    if source.is_dir() or (source.is_file() and source.suffix.lower() in _ANNOTATIONS):
        return source
    unpack(source, draft / "export", reporter, limits=limits)
    return draft / "export"


@contextmanager
def _named_as_in(source: Path, unpacked: Path) -> Iterator[None]:
    """In sentences, name files of an unpacked archive as the archive does: where they were unpacked is gone by then."""
    try:
        yield
    except (DatasetError, ImageError) as error:
        if unpacked == real_path(source):
            raise
        text = str(error).replace(f"{printable(unpacked)}/", "").replace(printable(unpacked), printable(source))
        raise type(error)(text) from error
