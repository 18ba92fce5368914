"""Masks as COCO's JSON: of each image an annotation for each class, as polygons or as run lengths.

Ids of categories begin with 1, as COCO's do. Where class 0 is the background, it is what no annotation covers, and ids
are class indices. Elsewhere they are one more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as pycocotools_mask

from deeplab.files import printable
from worker.jobs.exports.masks_of import Mask, Selection
from worker.jobs.exports.members import Aside, Member, as_json, listed
from worker.jobs.exports.outlines import outline

Segment = Callable[[NDArray[np.bool_]], Any]  # a class's pixels, (H, W), as the value of "segmentation"


def coco_polygons(selection: Selection) -> Iterator[Member]:
    """Yield annotations.json with polygons, which cover exactly the pixels of the masks."""
    yield Member("annotations.json", _write(selection, outline), is_text=True)


def coco_run_lengths(selection: Selection) -> Iterator[Member]:
    """Yield annotations.json with compressed run lengths."""
    yield Member("annotations.json", _write(selection, run_lengths), is_text=True)


def run_lengths(inside: NDArray[np.bool_]) -> dict[str, Any]:
    """The pixels of a mask, (H, W), as compressed run lengths."""
    encoded = pycocotools_mask.encode(np.asfortranarray(inside, np.uint8))
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}


def _write(selection: Selection, segment: Segment) -> Iterator[bytes]:
    """The parts of the JSON. Images come after the annotations, so that each mask is read once and none is kept."""
    names, first = selection.names, _first_category(selection.names)
    ids = {index: index + first for index in range(len(names)) if index + first > 0}
    categories = [as_json({"id": ids[index], "name": names[index], "supercategory": ""}) for index in ids]
    meaning = "class indices; what no annotation covers is class 0" if first == 0 else "class indices plus 1"
    described = {"description": f"Masks of job {selection.job.id}; ids of categories are {meaning}"}
    yield b'{"info":' + as_json(described) + b',\n"licenses":[],\n"categories":'
    yield from listed(categories)
    with Aside() as images:
        yield b',\n"annotations":'
        yield from listed(_annotations(selection, segment, images, ids))
        yield b',\n"images":'
        yield from listed(images.lines())
    yield b"}\n"


def _first_category(names: Sequence[str]) -> int:
    """The id of class 0; 0 stands for no category."""
    return 0 if names[0].strip("_ ").lower() == "background" else 1


def _annotations(selection: Selection, segment: Segment, images: Aside, ids: Mapping[int, int]) -> Iterator[bytes]:
    n_before = 0
    for image_id, mask in enumerate(selection.masks(), start=1):
        label_map = mask.read()
        images.add(as_json(_image(image_id, mask, label_map.shape)))
        for index in np.unique(label_map).tolist():
            if index in ids:
                n_before += 1
                yield as_json(_annotation(n_before, image_id, ids[index], label_map == index, segment))


def _image(image_id: int, mask: Mask, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"id": image_id, "file_name": printable(mask.image), "height": shape[0], "width": shape[1]}


def _annotation(
    number: int, image_id: int, category: int, inside: NDArray[np.bool_], segment: Segment
) -> dict[str, Any]:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category,
        "iscrowd": 0,
        "area": int(inside.sum()),
        "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
        "segmentation": segment(inside),
    }
