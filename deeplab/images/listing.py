"""Find the image files under a folder. Torch-free."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.kinds import (
    IMAGE_SUFFIXES,
    RESULT_FOLDERS,
    count_kinds,
    describe_passed_over,
    kind_of,
    most_frequent_first,
)
from deeplab.images.walk import Found, is_wanted, walk_at_once, walk_in_order


@dataclass(frozen=True)
class ImageListing:
    """The files under a folder."""

    paths: list[str]  # images, relative to the folder, `/` between the parts, sorted
    others: list[str]  # files of other kinds, likewise
    n_result_folders: int = 0  # that were not entered

    @property
    def passed_over(self) -> dict[str, int]:
        """The number of other files by kind, such as "heic" or "no suffix"; the most frequent first."""
        results = {RESULT_FOLDERS: self.n_result_folders} if self.n_result_folders else {}
        return count_kinds(self.others) | results


def list_images(root: Path, *, exclude: Path | None = None) -> list[str]:
    """Find the images under a folder: the paths of `scan_folder`. Raises DatasetError like it."""
    return scan_folder(root, exclude=exclude).paths


def scan_folder(
    root: Path,
    *,
    exclude: Path | None = None,
    video_suffixes: frozenset[str] = frozenset(),
    is_results: Callable[[Path], bool] = lambda _folder: False,
    most: int | None = None,
) -> ImageListing:
    """Find the image files under a folder by their suffixes, links to folders included, and count the other files.

    Args:
        root: where to look, at any depth, as `walk_in_order` does.
        exclude: a folder to leave out, such as the one that the masks of these images go to.
        video_suffixes: those of videos, if they are wanted beside the images.
        is_results: tells which folders with a file `run.json` hold results and are not entered.
        most: how many files there may be; None: any number.

    Returns:
        The images, and what was passed over. Bytes of names that are not UTF-8 are surrogate escapes, as everywhere in
        Python.

    Raises:
        DatasetError: if `root` is not a folder, cannot be listed, holds no image, or holds too many files.
    """
    found: dict[str, list[str]] = {"wanted": [], "other": [], "results": []}
    walk = walk_in_order(root, IMAGE_SUFFIXES | video_suffixes, exclude=exclude, is_results=is_results)
    for n_before, each in enumerate(walk):
        if n_before == most:
            raise DatasetError(f"{printable(root)}: the folder holds more than {most:,} files.")
        found[each.what].append(each.path)
    listing = ImageListing(found["wanted"], found["other"], len(found["results"]))
    if not listing.paths:
        raise nothing_found(root, video_suffixes, listing.passed_over)
    return listing


def require_images(root: Path, *, video_suffixes: frozenset[str] = frozenset(), most: int) -> None:
    """Refuse a folder without images, as far as a look at its first files tells.

    Args:
        root: where to look, as `scan_folder` does.
        video_suffixes: those of videos, which then count, too.
        most: how many files are looked at; if there are more, and none of these is an image, the folder passes.

    Raises:
        DatasetError: as `scan_folder`.
    """
    wanted = IMAGE_SUFFIXES | video_suffixes
    others: list[str] = []
    for path in islice(walk_at_once(root, wanted), most):
        if is_wanted(path, wanted):
            return
        others.append(path)
    if len(others) < most:
        raise nothing_found(root, video_suffixes, count_kinds(others))


class PassedOver:
    """Counts what a walk passes over, by kind."""

    def __init__(self, earlier: Mapping[str, int]) -> None:
        self._counts = Counter(earlier)

    def add(self, found: Found) -> None:
        """Count one."""
        self._counts[RESULT_FOLDERS if found.what == "results" else kind_of(found.path)] += 1

    def by_kind(self) -> dict[str, int]:
        """How many there are of each kind, the most frequent first."""
        return most_frequent_first(self._counts)


def nothing_found(root: Path, video_suffixes: frozenset[str], passed_over: Mapping[str, int]) -> DatasetError:
    """The error about a folder that holds nothing that is wanted."""
    noun = "image or video" if video_suffixes else "image"
    suffixes = " ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES | video_suffixes))
    found = f"; {described}" if (described := describe_passed_over(passed_over)) else ""
    return DatasetError(f"{printable(root)}: the folder holds no {noun}; expected files ending in {suffixes}{found}.")
