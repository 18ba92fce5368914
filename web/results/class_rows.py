"""The classes of one image, as the viewer lists them."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.results.class_colours import colours_of
from web.results.classes import name_of
from web.results.partners import Labelled
from web.results.viewing import View
from worker.jobs.results.answers import ClassInImage
from worker.jobs.results.opening import open_results
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class ClassRow:
    """A class that occurs in a label map or in the ground truth; what is not known is None."""

    index: int
    name: str
    colour: str  # "#800000"
    share: float  # of the label map
    iou: float | None
    partner_iou: float | None  # of the job that is compared


def list_classes(settings: Settings, labelled: Labelled, view: View, names: Sequence[str]) -> list[ClassRow]:
    """List the classes of an image, the largest first, and after them those that only another job found there."""
    own = _classes(settings, labelled)
    theirs = {each.index: each for each in _classes(settings, view.partner)} if view.partner else {}
    found = [each.index for each in own] + [index for index in theirs if index not in {each.index for each in own}]
    by_index = {each.index: each for each in own}
    colours = colours_of(labelled.job)
    return [
        ClassRow(
            index=index,
            name=name_of(index, names),
            colour="#" + bytes(colours[index]).hex(),
            share=by_index[index].share if index in by_index else 0.0,
            iou=by_index[index].iou if index in by_index else None,
            partner_iou=theirs[index].iou if index in theirs else None,
        )
        for index in found
    ]


def _classes(settings: Settings, labelled: Labelled) -> list[ClassInImage]:
    return open_results(settings, labelled.job).classes_in(labelled.image)
