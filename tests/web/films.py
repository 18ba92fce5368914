"""Videos as a segment job leaves them: labelled, as masks, cut short, and one that is none."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deeplab.images.masks import write_mask
from deeplab.inference.manifest import FrameRow, Row, write_frames, write_manifest
from deeplab.inference.output import frame_mask_path, frames_path, labelled_video_path, manifest_path
from deeplab.video.frame import Frame
from deeplab.video.writer import write_video
from tests.deeplab.video.filming import film, random_images
from tests.web.population import Population
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.results.record import ImageResult

LABELLED, MASKED, CUT, BROKEN = "deep/street's.mp4", "masks.mov", "cut.mkv", "broken.avi"
N_FRAMES = 4
_PIXELS = {0: 1000, 1: 536}


@dataclass(frozen=True)
class Films:
    """A segment job of a folder of videos."""

    job_id: int
    folder: Path
    output: Path


def segment_films(population: Population) -> Films:
    """Film a folder, and leave what its segmentation would."""
    folder = population.root / "films"
    for name in (LABELLED, MASKED, CUT, BROKEN):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        film(folder / name, n=N_FRAMES)
    job_id = population.submit("segment", checkpoint="2", input=str(folder), every=2)
    fence = population.claim(job_id)
    output = storage.output_dir(population.settings, job_id)
    for name in (LABELLED, CUT):
        _write_labelled(output, name)
    for number in range(0, 2 * N_FRAMES, 2):
        write_mask(frame_mask_path(output, MASKED, number), np.full((32, 48), number % 3, np.uint8))
    for name in (LABELLED, MASKED, CUT):
        with write_frames(frames_path(output, name)) as add:
            for place in range(N_FRAMES):
                add(FrameRow(2 * place, place / 5, _PIXELS))
    pixels = {index: N_FRAMES * count for index, count in _PIXELS.items()}
    cut = f"{folder / CUT}: is cut short: it ends at 0.80 s of 3.00 s, 8 frames could be decoded."
    broken = f"{folder / BROKEN}: cannot be read as a video: Invalid data found when processing input."
    rows = [
        Row(BROKEN, None, None, "error", broken, 0.1, {}, 0),
        Row(CUT, 48, 32, "error", cut, 0.1, {}, N_FRAMES),
        Row(LABELLED, 48, 32, "ok", "", 0.1, pixels, N_FRAMES),
        Row(MASKED, 48, 32, "ok", "", 0.1, pixels, N_FRAMES),
    ]
    write_manifest(manifest_path(output), rows)
    with open_session(population.settings) as session:
        population.record(session, job_id, [ImageResult.of_row(row) for row in rows])
    result = {"output": str(output), "n_ok": 2, "n_error": 2, "n_videos": 2, "n_frames": 2 * N_FRAMES}
    population.finish(job_id, fence, result=result)
    return Films(job_id, folder, output)


def _write_labelled(output: Path, name: str) -> None:
    with write_video(labelled_video_path(output, name)) as add:
        for place, image in enumerate(random_images(N_FRAMES)):
            add(Frame(image, place / 5))
