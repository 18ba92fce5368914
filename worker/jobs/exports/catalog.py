"""The formats that masks can be exported in, by their names. Light to import, because `--help` lists them."""

from collections.abc import Mapping

FORMATS: Mapping[str, str] = {
    "masks": "PNG of class indices, as masks to train with",
    "colours": "PNG of colours, with the palette",
    "classes": "PNG of 0 and 255 for each class",
    "coco": "COCO JSON with polygons",
    "coco-rle": "COCO JSON with run lengths",
    "label-studio": "Label Studio JSON with brush labels",
    "cvat": "CVAT, Segmentation mask 1.1",
}
