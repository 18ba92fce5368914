"""A segment job with masks, to export."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from deeplab.images.masks import write_mask
from deeplab.inference.manifest import Row
from deeplab.inference.output import mask_path
from tests.worker.store import FOREVER, submit_segment
from worker.jobs import catalog, jobs, leases, storage
from worker.jobs.database import open_session
from worker.jobs.exports.masks_of import Selection
from worker.jobs.results import parts
from worker.jobs.results.filters import Filter
from worker.jobs.results.opening import open_results
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings

Masks = Mapping[str, NDArray[np.uint8]]
CLASSES = ("ground", "disc: red", "bar/blue")
WANT_ALL = Filter()


def draw(seed: int, height: int = 24, width: int = 31) -> NDArray[np.uint8]:
    """Blobs and single pixels of three classes, with holes."""
    random = np.random.default_rng(seed)
    blobs = np.kron(random.integers(0, 3, (height // 6 + 1, width // 6 + 1)), np.ones((6, 6), int))[:height, :width]
    noise = random.random((height, width)) < 0.1
    return np.where(noise, random.integers(0, 3, (height, width)), blobs).astype(np.uint8)


def select(
    settings: Settings,
    masks: Masks,
    rows: Sequence[Row] = (),
    wanted: Filter = WANT_ALL,
    classes: Sequence[str] = CLASSES,
) -> Selection:
    """A segment job that has succeeded, with these masks by image; `rows` are those of other images and videos."""
    with open_session(settings) as session:
        job = leases.claim(session, submit_segment(session, settings).id, "a", FOREVER)
        assert job is not None
        output = storage.output_dir(settings, job.id)
        for name, mask in masks.items():
            write_mask(mask_path(output, name), mask)
        output.mkdir(exist_ok=True)
        (output / "labels.txt").write_text("".join(f"{index}\t{name}\n" for index, name in enumerate(classes)))
        images = [Row(name, mask.shape[1], mask.shape[0], "ok", "", 0.1, {0: 1}) for name, mask in masks.items()]
        results = [ImageResult.of_row(row) for row in [*images, *rows]]
        folder = storage.part_dir(settings, job.id, job.fence, 1)
        write_part(folder, results)
        parts.add(session, job.id, folder, len(results))
        leases.finish(session, job.id, job.fence, catalog.SUCCEEDED)
        ended = jobs.get(session, job.id)
        session.commit()
    return Selection(settings, ended, open_results(settings, ended), wanted)
