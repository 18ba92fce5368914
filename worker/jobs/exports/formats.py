"""Export masks in a format: the files that it consists of."""

from collections.abc import Callable, Iterator, Mapping

from deeplab.errors import DeepLabError
from worker.jobs.exports.catalog import FORMATS
from worker.jobs.exports.coco import coco_polygons, coco_run_lengths
from worker.jobs.exports.cvat import segmentation_masks
from worker.jobs.exports.label_studio import label_studio
from worker.jobs.exports.masks_of import Selection
from worker.jobs.exports.members import Member
from worker.jobs.exports.png import class_masks, colour_masks, index_masks

_EXPORTERS: Mapping[str, Callable[[Selection], Iterator[Member]]] = {
    "masks": index_masks,
    "colours": colour_masks,
    "classes": class_masks,
    "coco": coco_polygons,
    "coco-rle": coco_run_lengths,
    "label-studio": label_studio,
    "cvat": segmentation_masks,
}


class UnknownFormatError(DeepLabError):
    """There is no such format."""

    def __init__(self, name: str) -> None:
        super().__init__(f"format must be one of {', '.join(FORMATS)}, got {name!r}.")


def export(selection: Selection, name: str) -> Iterator[Member]:
    """Yield the files of an export one after the other; each must be written before the next is asked for.

    Raises:
        UnknownFormatError: if there is no such format.
        NothingToExportError: if there is no mask.
        OutputError: if the file of a mask is gone, or, while files are read, cannot be read.
    """
    if name not in _EXPORTERS:
        raise UnknownFormatError(name)
    selection.require_some()
    return _EXPORTERS[name](selection)
