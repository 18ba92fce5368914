"""What a segment job has made of a video, as far as its files are there."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deeplab import remote
from deeplab.inference.manifest import FrameRow, read_frames
from deeplab.inference.output import frame_mask_path, frames_path, labelled_video_path
from web.results.images import inside
from worker.jobs.jobs import Job
from worker.jobs.results.answers import Image
from worker.jobs.results.job_files import output_dir
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Film:
    """The files of a video."""

    table: Path  # a row per frame
    video: Path | None  # the labelled video
    has_masks: bool


def film_of(settings: Settings, job: Job, image: Image) -> Film | None:
    """Find what was made of a video; None for an image, and where nothing was made or the files are gone."""
    if image.frames is None:
        return None
    folder, item = output_dir(settings, job), image.item
    inside(folder, item)
    table = frames_path(folder, item)
    if not remote.is_file(table):
        return None
    video = labelled_video_path(folder, item)
    return Film(table, video if remote.is_file(video) else None, remote.is_file(frame_mask_path(folder, item, 0)))


def frame_at(film: Film, position: int) -> FrameRow | None:
    """The row of a frame by its place in the table, from 0; None beyond the last.

    Raises:
        OutputError: if the table cannot be read.
    """
    return next(islice(read_frames(film.table), position, None), None) if position >= 0 else None
