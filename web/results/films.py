"""What a segment job has made of a video, as far as its files are there."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deeplab.inference.manifest import FrameRow, Row, read_frames
from deeplab.inference.output import frame_mask_path, frames_path, labelled_video_path
from web.results.images import inside
from web.results.segmentation import output_dir
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Film:
    """The files of a video."""

    table: Path  # a row per frame
    video: Path | None  # the labelled video
    has_masks: bool


def film_of(settings: Settings, job: Job, row: Row) -> Film | None:
    """Find what was made of a video; None for an image, and where nothing was made or the files are gone."""
    folder = output_dir(settings, job)
    inside(folder, row.path)
    table = frames_path(folder, row.path)
    if row.frames is None or not table.is_file():
        return None
    video = labelled_video_path(folder, row.path)
    return Film(table, video if video.is_file() else None, frame_mask_path(folder, row.path, 0).is_file())


def frame_at(film: Film, position: int) -> FrameRow | None:
    """The row of a frame by its place in the table, from 0; None beyond the last.

    Raises:
        OutputError: if the table cannot be read.
    """
    return next(islice(read_frames(film.table), position, None), None) if position >= 0 else None
