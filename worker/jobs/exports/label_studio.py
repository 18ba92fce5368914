"""Masks as brush labels of Label Studio: tasks with predictions, and the configuration that they belong to."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from deeplab.images.palette import Colours
from worker.jobs.exports.brush_runs import pack
from worker.jobs.exports.masks_of import Mask, Selection
from worker.jobs.exports.members import Member, as_json, listed, text
from worker.jobs.results.job_files import class_colours

_FROM, _TO = "tag", "image"


def label_studio(selection: Selection) -> Iterator[Member]:
    """Yield the configuration of a project, and its tasks: of each class of an image a brush label.

    Images are named by `/data/local-files/?d=<path>`, as Label Studio serves them from a local folder.
    """
    yield text("label_config.xml", _configuration(selection.names, class_colours(selection.job)))
    yield Member("tasks.json", listed(as_json(_task(selection, mask)) for mask in selection.masks()), is_text=True)


def _task(selection: Selection, mask: Mask) -> dict[str, Any]:
    label_map = mask.read()
    labels = [_label(label_map, index, selection.names[index]) for index in np.unique(label_map).tolist()]
    address = f"/data/local-files/?d={quote(mask.image, errors='surrogateescape')}"
    return {
        "data": {"image": address},
        "predictions": [{"model_version": f"job {selection.job.id}", "result": labels}],
    }


def _label(label_map: NDArray[np.uint8], index: int, name: str) -> dict[str, Any]:
    height, width = label_map.shape
    return {
        "id": f"class-{index}",
        "type": "brushlabels",
        "from_name": _FROM,
        "to_name": _TO,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": pack(label_map == index), "brushlabels": [name]},
    }


def _configuration(names: Sequence[str], colours: Colours) -> str:
    labels = "".join(
        f'    <Label value={quoteattr(name)} background="#{bytes(colours[index]).hex()}"/>\n'
        for index, name in enumerate(names)
    )
    return (
        f'<View>\n  <Image name="{_TO}" value="$image" zoom="true"/>\n'
        f'  <BrushLabels name="{_FROM}" toName="{_TO}">\n{labels}  </BrushLabels>\n</View>\n'
    )
