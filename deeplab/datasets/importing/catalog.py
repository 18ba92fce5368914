"""The formats that datasets can be imported from, by their names. Light to import, because `--help` lists them."""

from collections.abc import Mapping
from typing import Literal

Unlabelled = Literal["background", "ignore"]
ImportFormat = Literal[
    "masks", "colours", "classes", "coco", "cvat", "cvat-images", "label-studio", "labelme", "roboflow"
]

FORMATS: Mapping[ImportFormat, str] = {
    "masks": "PNG of class indices, with labels.txt",
    "colours": "PNG of colours, with a table of colours",
    "classes": "PNG of 0 and 255 for each class, with labels.txt",
    "coco": "COCO JSON, as Roboflow, Label Studio, CVAT and others write it",
    "cvat": "CVAT, Segmentation mask 1.1",
    "cvat-images": "CVAT for images 1.1",
    "label-studio": "Label Studio JSON",
    "labelme": "labelme JSON, one for each image",
    "roboflow": "Roboflow, Semantic Segmentation Masks",
}
