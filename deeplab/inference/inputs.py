"""What a segmentation reads: the images and videos under a folder, or one video. Torch-free."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab.errors import DatasetError, VideoError
from deeplab.files import printable
from deeplab.images.kinds import IMAGE_SUFFIXES
from deeplab.images.listing import nothing_found, require_images, scan_folder
from deeplab.images.walk import Found, walk_in_order
from deeplab.inference.output import holds_results
from deeplab.video.file import VideoFile
from deeplab.video.kinds import VIDEO_SUFFIXES, is_video

_LOOKED_AT = 10_000  # files, before the job lists them all


@dataclass(frozen=True)
class Inputs:
    """The files to segment."""

    folder: Path
    items: Sequence[str]  # images and videos, relative to the folder, sorted
    passed_over: Mapping[str, int]  # other files by kind


def list_inputs(path: Path, *, exclude: Path | None = None) -> Inputs:
    """List a folder, or take the one video that is named.

    Args:
        path: of a folder or a video.
        exclude: a folder to leave out, such as the one that the masks go to.

    Raises:
        DatasetError: if there is nothing to segment, or the file is not a video by its name.
    """
    if _is_one_video(path):
        return Inputs(path.parent, [path.name], {})
    _require_no_results(path)
    listing = scan_folder(path, exclude=exclude, video_suffixes=VIDEO_SUFFIXES, is_results=holds_results)
    return Inputs(path, listing.paths, listing.passed_over)


def walk_inputs(
    path: Path, *, exclude: Path | None = None, after: str | None = None, tick: Callable[[], None] = lambda: None
) -> Iterator[Found]:
    """Yield what `list_inputs` lists, and what it passes over, one after the other as paths sort.

    Args:
        path: of a folder or a video.
        exclude: a folder to leave out.
        after: go on behind this path.
        tick: called for each name that is read.

    Raises:
        DatasetError: if there is no folder, or the file is not a video by its name.
    """
    if _is_one_video(path):
        return iter([Found(path.name, "wanted")] if after is None else [])
    _require_no_results(path)
    wanted = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    return walk_in_order(path, wanted, exclude=exclude, after=after, is_results=holds_results, tick=tick)


def nothing_to_segment(path: Path, passed_over: Mapping[str, int]) -> DatasetError:
    """The error about a folder that holds neither image nor video."""
    return nothing_found(path, VIDEO_SUFFIXES, passed_over)


def require_inputs(path: Path) -> None:
    """Refuse what holds nothing to segment, as far as a short look tells; `list_inputs` has the last word.

    Raises:
        DatasetError: as `list_inputs`.
    """
    if not _is_one_video(path):
        _require_no_results(path)
        require_images(path, video_suffixes=VIDEO_SUFFIXES, most=_LOOKED_AT)


def _require_no_results(path: Path) -> None:
    if holds_results(path):
        raise DatasetError(
            f"{printable(path)}: holds the results of a segmentation (run.json); expected a folder of images."
        )


def _is_one_video(path: Path) -> bool:
    if not path.is_file():
        return False
    if not is_video(path.name):
        kinds = " ".join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))
        raise DatasetError(f"{printable(path)}: is not a folder of images; as a file, a video is expected ({kinds}).")
    return True


def folder_of(path: Path) -> Path:
    """The folder that items are relative to, whose listing began at `path`, whether or not it is still there."""
    return path.parent if is_video(path.name) and not path.is_dir() else path


def count_frames(
    folder: Path, items: Iterable[str], every: int = 1, tick: Callable[[], None] = lambda: None
) -> dict[str, int]:
    """About how many frames of each video are to be segmented, by its item; at least 1, also where that is unknown.

    Args:
        folder: of the items.
        items: images are left out.
        every: only each so many-th frame is wanted.
        tick: called before each video; a look at it can take a moment.
    """
    counts: dict[str, int] = {}
    for item in filter(is_video, items):
        tick()
        counts[item] = count_frames_of(folder / item, every)
    return counts


def count_frames_of(path: Path, every: int) -> int:
    """About how many frames of a video are to be segmented; at least 1, also where that is unknown."""
    try:
        with VideoFile(path, every) as video:
            return max(1, video.n_frames)
    except VideoError:  # its row will say why
        return 1
