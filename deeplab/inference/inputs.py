"""What a segmentation reads: the images and videos under a folder, or one video. Torch-free."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab.errors import DatasetError, VideoError
from deeplab.files import printable
from deeplab.images.listing import require_images, scan_folder
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
    listing = scan_folder(path, exclude=exclude, video_suffixes=VIDEO_SUFFIXES)
    return Inputs(path, listing.paths, listing.passed_over)


def require_inputs(path: Path) -> None:
    """Refuse what holds nothing to segment, as far as a short look tells; `list_inputs` has the last word.

    Raises:
        DatasetError: as `list_inputs`.
    """
    if not _is_one_video(path):
        require_images(path, video_suffixes=VIDEO_SUFFIXES, most=_LOOKED_AT)


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
        try:
            with VideoFile(folder / item, every) as video:
                counts[item] = max(1, video.n_frames)
        except VideoError:  # its row will say why
            counts[item] = 1
    return counts
