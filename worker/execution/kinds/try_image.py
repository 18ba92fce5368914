"""Try jobs: one image, for a person who waits for it."""

import time
from typing import Any

from PIL import Image

from deeplab.files import make_folder, replace_file
from deeplab.images.grey import write_grey
from deeplab.images.masks import write_mask
from deeplab.inference.label_maps import count_classes
from deeplab.inference.one_image import LabelledImage, label_one, read_reduced
from deeplab.inference.segmenter import Segmenter
from deeplab.mirrors import local_path
from deeplab.scores.certainty import certainty_of
from worker.execution.kinds import JobContext, weights_path
from worker.execution.kinds.inputs import require_inputs
from worker.execution.kinds.recording import ImageRecorder
from worker.jobs import storage, uploads
from worker.jobs.requests.specs import TrySpec
from worker.jobs.results.job_files import TRIED
from worker.jobs.results.record import ImageResult


def run(context: JobContext) -> dict[str, Any]:
    """Segment the image, and write it as it was segmented, its label maps and the confidence.

    Raises:
        InputChangedError: if the image was exchanged since the job was submitted.
        CheckpointError: if the checkpoint is gone or damaged.
        ImageError: if the image cannot be decoded.
        LabelError: if it cannot be labelled.
    """
    spec = TrySpec.model_validate(context.job.spec)
    require_inputs(context)
    config = context.config
    image = read_reduced(local_path(spec.image), config, spec.longest_side)
    segmenter = Segmenter.from_checkpoint(config, weights_path(context.settings, spec.checkpoint_ref), spec.device)
    started = time.monotonic()
    labelled = label_one(segmenter, image, crf=spec.crf)
    seconds = time.monotonic() - started
    _write(context, labelled)
    _record(context, labelled, seconds)
    settings, job = context.settings, context.job
    uploads.discard_file(settings, spec.image)
    mask = storage.refined_path(settings, job.id, job.fence) if spec.crf else _mask_path(context)
    return {"mask": str(mask), "seconds": seconds}


def _mask_path(context: JobContext) -> Any:
    return storage.label_maps_dir(context.settings, context.job.id, context.job.fence) / f"{TRIED}.png"


def _write(context: JobContext, labelled: LabelledImage) -> None:
    settings, job = context.settings, context.job
    path = storage.tried_image_path(settings, job.id, job.fence)
    make_folder(path.parent)
    with replace_file(path) as file:
        Image.fromarray(labelled.image).save(file, format="PNG", compress_level=1)
    write_mask(_mask_path(context), labelled.labels)
    write_grey(
        storage.confidence_dir(settings, job.id, job.fence) / f"{TRIED}.png",
        labelled.certainty.confidence().cpu().numpy(),
    )
    if labelled.refined is not None:
        write_mask(storage.refined_path(settings, job.id, job.fence), labelled.refined)


def _record(context: JobContext, labelled: LabelledImage, seconds: float) -> None:
    """Leave the image in the job's results, where the viewer finds it; its classes are those of the last label map."""
    pixels = count_classes(labelled.labels if labelled.refined is None else labelled.refined)
    sums = labelled.certainty.sums().cpu().numpy()
    height, width = labelled.labels.shape
    recorder = ImageRecorder(context)
    recorder.add_result(
        ImageResult(
            path=TRIED,
            width=width,
            height=height,
            status="ok",
            error="",
            seconds=seconds,
            pixels=pixels,
            certainty=certainty_of(sums, count_classes(labelled.labels)),
        )
    )
    recorder.finish()
