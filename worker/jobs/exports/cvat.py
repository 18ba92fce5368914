"""Masks in CVAT's format "Segmentation mask 1.1": PASCAL VOC's folders with a map of labels.

Source: https://docs.cvat.ai/docs/manual/advanced/formats/format-smask/
"""

from collections.abc import Iterator, Sequence

from deeplab.files import printable
from deeplab.images.palette import Colours, palette
from worker.jobs.exports.masks_of import Selection
from worker.jobs.exports.members import Aside, Member, coloured, text


def segmentation_masks(selection: Selection) -> Iterator[Member]:
    """Yield labelmap.txt, a mask of colours for each image, and the list of the images."""
    colours = palette()
    yield text("labelmap.txt", _label_map(selection.names, colours))
    with Aside() as listed:
        for mask in selection.masks():
            listed.add(mask.name.encode("utf-8", "surrogateescape"))
            yield Member(f"SegmentationClass/{mask.name}.png", [coloured(mask.read(), colours)])
        lines = (line + b"\n" for line in listed.lines())
        yield Member("ImageSets/Segmentation/default.txt", lines, is_text=True)


def _label_map(names: Sequence[str], colours: Colours) -> str:
    lines = ["# label:color_rgb:parts:actions"]
    for index, name in enumerate(names):
        lines.append(f"{printable(name).replace(':', '-')}:{','.join(map(str, colours[index]))}::")
    return "\n".join(lines) + "\n"
