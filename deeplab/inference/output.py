"""The output folder of a segmentation: what lies where, and which run it belongs to. Torch-free.

masks/<path of the image>.png      class indices with palette; the image's suffix is kept, so that a.jpg and a.png never
                                   collide
masks/<path of the image>.tif      in its place for an image that lies on a map (GeoTIFF), as does then the mask
masks/<path of the video>/<number of the frame>.png   the mask of a frame, if masks of videos are asked for
overlays/<path of the image>.jpg   the image blended with its mask, if asked for
confidence/<path of the image>.png the probability of each pixel's class, grey from 0 to 255, if asked for
overlays/<path of the video>.mp4   the labelled video: its frames blended with their masks
frames/<path of the video>.csv     one row per frame of a video
manifest.csv                       one row per image or video
labels.txt                         index<TAB>name
run.json                           the settings that made the masks
.deeplab-lock                      held by whoever is filling the folder; says who that is
passed_over.json                   how many files are of kinds that are not read, by kind: {"heic": 5}
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deeplab.datasets.class_names import save_class_names
from deeplab.errors import OutputError
from deeplab.files import LARGEST_FILE, is_draft, printable, read_text, real_path, reason_of, write_text
from deeplab.inference.output_lock import LOCK


def mask_path(output_dir: Path, item: str) -> Path:
    """Path of an image's mask; `item` is the image's path relative to the input folder."""
    return output_dir / "masks" / f"{item}.png"


def geotiff_mask_path(output_dir: Path, item: str) -> Path:
    """Path of the mask of an image that lies on a map."""
    return output_dir / "masks" / f"{item}.tif"


def find_mask(output_dir: Path, item: str) -> Path:
    """Path of the mask that an image has; of a PNG if it has none."""
    on_map = geotiff_mask_path(output_dir, item)
    return on_map if on_map.exists() else mask_path(output_dir, item)


def overlay_path(output_dir: Path, item: str) -> Path:
    """Path of an image's overlay."""
    return output_dir / "overlays" / f"{item}.jpg"


def confidence_path(output_dir: Path, item: str) -> Path:
    """Path of an image's map of confidence."""
    return output_dir / "confidence" / f"{item}.png"


def frame_mask_path(output_dir: Path, item: str, frame: int) -> Path:
    """Path of the mask of a video's frame, by its number; names sort by number."""
    return output_dir / "masks" / item / f"{frame:08}.png"


def labelled_video_path(output_dir: Path, item: str) -> Path:
    """Path of the labelled video that was made of a video."""
    return output_dir / "overlays" / f"{item}.mp4"


def frames_path(output_dir: Path, item: str) -> Path:
    """Path of the table of a video's frames."""
    return output_dir / "frames" / f"{item}.csv"


def manifest_path(output_dir: Path) -> Path:
    """Path of the manifest of all images."""
    return output_dir / "manifest.csv"


def prepare_output(
    output_dir: Path, input_dir: Path, settings: Mapping[str, object], class_names: Sequence[str]
) -> None:
    """Create the folder, unless an earlier run with the same input and settings did; several workers may call this.

    Raises:
        OutputError: if the folder cannot be written, is the input folder, or holds the results of other settings or
            anything else.
    """
    if real_path(output_dir) == real_path(input_dir):
        raise OutputError(
            f"{printable(output_dir)}: is the folder of the images; the masks need a folder of their own."
        )
    run = {"input": printable(real_path(input_dir)), **settings}
    earlier = _read_run(output_dir)
    # Of both, because a setting that is as in earlier versions has no key.
    different = [] if earlier is None else [key for key in {**run, **earlier} if earlier.get(key) != run.get(key)]
    if different:
        raise OutputError(
            f"{printable(output_dir)}: holds the results of a run with different {' and '.join(different)};"
            " choose another output folder."
        )
    if earlier is None:
        write_text(output_dir / "run.json", json.dumps(run, indent=2) + "\n")
    save_class_names(output_dir / "labels.txt", class_names)


def require_unused(output_dir: Path) -> None:
    """Refuse a folder whose files could be overwritten: one that is neither empty nor filled by an earlier run.

    Raises:
        OutputError: if it is one, or cannot be listed.
    """
    _read_run(output_dir)


def holds_results(folder: Path) -> bool:
    """Whether a folder with a file `run.json` is the output folder of a segmentation, and not another tool's."""
    try:
        run = json.loads(read_text(folder / "run.json", LARGEST_FILE))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(run, dict) and {"input", "labels"} <= run.keys()


def write_passed_over(output_dir: Path, kinds: Mapping[str, int]) -> None:
    """Write how many files of the input folder are of kinds that are not read. Raises OutputError if that fails."""
    write_text(output_dir / "passed_over.json", json.dumps(kinds) + "\n")


def _read_run(output_dir: Path) -> Mapping[str, object] | None:
    path = output_dir / "run.json"
    # Looked for before run.json, because another worker may be starting: it writes run.json before anything else.
    foreign = _first_entry(output_dir)
    try:
        run = json.loads(read_text(path, LARGEST_FILE))
    except (FileNotFoundError, NotADirectoryError):
        if foreign is not None:
            raise OutputError(
                f"{printable(output_dir)}: holds {printable(foreign)} and more, perhaps, but no run.json of an earlier"
                " run; choose an empty folder, or one that does not exist."
            ) from None
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(f"{printable(path)}: cannot be read: {reason_of(error)}.") from error
    if not isinstance(run, dict):
        raise OutputError(f"{printable(path)}: is not the record of a run; choose another output folder.")
    return run


def _first_entry(folder: Path) -> str | None:
    """Something that a folder holds; None if it is empty or does not exist."""
    try:
        with os.scandir(folder) as entries:
            return next((each.name for each in entries if not is_draft(each.name) and each.name != LOCK), None)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{printable(folder)}: the folder cannot be listed: {error.strerror}.") from error
