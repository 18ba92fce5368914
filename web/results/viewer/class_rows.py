"""The classes of one image, as the viewer lists them."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.results.classes import as_hex, name_of
from worker.jobs.jobs import Job
from worker.jobs.results.answers import ClassInImage
from worker.jobs.results.job_files import class_colours


@dataclass(frozen=True)
class ClassRow:
    """A class that occurs in a label map or in the ground truth; what is not known is None."""

    index: int
    name: str
    colour: str  # "#800000"
    share: float  # of the label map
    iou: float | None
    partner_iou: float | None  # of the job that is compared


def list_classes(
    job: Job, own: Sequence[ClassInImage], others: Sequence[ClassInImage], names: Sequence[str]
) -> list[ClassRow]:
    """List the classes of an image, the largest first, and after them those that only another job found there.

    Args:
        job: whose image it is.
        own: what the job found in the image.
        others: what the job found that is compared; none: nothing is.
        names: of the classes.
    """
    by_index, theirs = ({each.index: each for each in classes} for classes in (own, others))
    found = [*by_index, *(index for index in theirs if index not in by_index)]
    colours = class_colours(job)
    return [
        ClassRow(
            index=index,
            name=name_of(index, names),
            colour=as_hex(colours[index]),
            share=mine.share if mine else 0.0,
            iou=mine.iou if mine else None,
            partner_iou=its.iou if its else None,
        )
        for index in found
        for mine, its in [(by_index.get(index), theirs.get(index))]
    ]
