"""Exports as each tool's documentation describes them: two images, of a car with a dog before it, and of a dog."""

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker.jobs.exports.brush_runs import pack

HEIGHT, WIDTH = 12, 20
Box = tuple[int, int, int, int]  # left, top, right, bottom
CAR, DOG = (2, 2, 10, 8), (6, 4, 14, 10)
SCENES: Mapping[str, Sequence[tuple[str, Box]]] = {"a": [("car", CAR), ("dog", DOG)], "b": [("dog", CAR)]}
NAMES = ["background", "car", "dog"]


def inside(box: Box) -> NDArray[np.bool_]:
    left, top, right, bottom = box
    pixels = np.zeros((HEIGHT, WIDTH), np.bool_)
    pixels[top:bottom, left:right] = True
    return pixels


def label_map(scene: str, names: Sequence[str] = NAMES, unlabelled: int = 0) -> NDArray[np.uint8]:
    values = np.full((HEIGHT, WIDTH), unlabelled, np.uint8)
    for name, box in SCENES[scene]:
        values[inside(box)] = names.index(name)
    return values


def corners(box: Box) -> list[tuple[int, int]]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def write_image(path: Path, pixels: NDArray[np.uint8] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise if pixels is None else pixels).save(path)
    return path


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def masks(root: Path) -> Path:
    for scene in SCENES:
        write_image(root / f"images/{scene}.jpg")
        write_image(root / f"masks/{scene}.png", label_map(scene))
    (root / "labels.txt").write_text("".join(f"{index}\t{name}\n" for index, name in enumerate(NAMES)))
    return root


def camvid(root: Path) -> Path:
    colours = np.array([[0, 0, 0], [64, 0, 128], [192, 128, 0]], np.uint8)
    for split, scene in (("train", "a"), ("val", "b")):
        write_image(root / f"{split}/{scene}.png")
        write_image(root / f"{split}_labels/{scene}_L.png", colours[label_map(scene)])
    (root / "class_dict.csv").write_text("name,r,g,b\nVoid,0,0,0\ncar,64,0,128\ndog,192,128,0\n")
    return root


def classes(root: Path) -> Path:
    for scene in SCENES:
        write_image(root / f"images/{scene}.jpg")
        for index, name in enumerate(NAMES):
            mask = np.where(label_map(scene) == index, np.uint8(255), np.uint8(0))
            write_image(root / f"{index:03}-{name}/{scene}.png", mask)
    (root / "labels.txt").write_text("".join(f"{index}\t{name}\n" for index, name in enumerate(NAMES)))
    return root


def coco_content(scenes: Sequence[str], name: Callable[[str], str], categories: list[dict[str, Any]]) -> dict[str, Any]:
    ids = {each["name"]: each["id"] for each in categories}
    objects = [
        {
            "image_id": number,
            "category_id": ids[label],
            "iscrowd": 0,
            "area": 48,
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "segmentation": [[float(each) for corner in corners(box) for each in corner]],
        }
        for number, scene in enumerate(scenes)
        for label, box in SCENES[scene]
    ]
    return {
        "info": {"description": ""},
        "images": [
            {"id": number, "file_name": name(scene), "height": HEIGHT, "width": WIDTH}
            for number, scene in enumerate(scenes)
        ],
        "categories": categories,
        "annotations": [{"id": number, **each} for number, each in enumerate(objects)],
    }


def roboflow_coco(root: Path) -> Path:
    categories = [
        {"id": 0, "name": "objects", "supercategory": "none"},
        {"id": 1, "name": "car", "supercategory": "objects"},
        {"id": 2, "name": "dog", "supercategory": "objects"},
    ]
    for split, scene in (("train", "a"), ("valid", "b")):
        image = write_image(root / f"{split}/{scene}_jpg.rf.0f3a.jpg")
        content = coco_content([scene], lambda _scene, image=image: image.name, categories)  # type: ignore[misc]
        write_json(root / f"{split}/_annotations.coco.json", content)
    (root / "README.roboflow.txt").write_text("objects - v1\n")
    return root


def label_studio_coco(root: Path) -> Path:
    for scene in SCENES:
        write_image(root / f"images/0c1f-{scene}.jpg")
    categories = [{"id": 0, "name": "car"}, {"id": 1, "name": "dog"}]
    write_json(root / "result.json", coco_content(list(SCENES), lambda scene: rf"images\0c1f-{scene}.jpg", categories))
    return root


def cvat_coco(root: Path) -> Path:
    categories = [{"id": 1, "name": "car", "supercategory": ""}, {"id": 2, "name": "dog", "supercategory": ""}]
    for split, scene in (("Train", "a"), ("Validation", "b")):
        write_image(root / f"images/{split}/{scene}.jpg")
        content = coco_content([scene], lambda scene: f"{scene}.jpg", categories)
        write_json(root / f"annotations/instances_{split}.json", content)
    return root


def cvat(root: Path) -> Path:
    colours = np.array([[0, 0, 0], [250, 50, 83], [51, 221, 255]], np.uint8)
    for subset, scene in (("Train", "a"), ("Validation", "b")):
        write_image(root / f"JPEGImages/deep/{scene}.jpg")
        write_image(root / f"SegmentationClass/deep/{scene}.png", colours[label_map(scene)])
        write_image(root / f"SegmentationObject/deep/{scene}.png", colours[label_map(scene)])
        (root / "ImageSets/Segmentation").mkdir(parents=True, exist_ok=True)
        (root / f"ImageSets/Segmentation/{subset}.txt").write_text(f"deep/{scene}\n")
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in zip(NAMES, colours.tolist(), strict=True)]
    (root / "labelmap.txt").write_text("\n".join(["# label:color_rgb:parts:actions", *lines]) + "\n")
    return root


def cvat_images(root: Path, shapes: Mapping[str, str] | None = None) -> Path:
    """`shapes`: those of each image, as XML."""
    polygon = '<polygon label="{}" points="{}" z_order="{}" occluded="0" source="manual"/>'
    drawn = {
        # The dog comes first, and lies above by its z_order.
        scene: "".join(
            polygon.format(name, ";".join(f"{x:.2f},{y:.2f}" for x, y in corners(box)), place)
            for place, (name, box) in reversed(list(enumerate(boxes)))
        )
        for scene, boxes in SCENES.items()
    }
    images = "".join(
        f'<image id="{number}" name="{scene}.jpg" subset="default" width="{WIDTH}" height="{HEIGHT}">{each}</image>'
        for number, (scene, each) in enumerate((shapes or drawn).items())
    )
    labels = "".join(f"<label><name>{name}</name><type>any</type></label>" for name in NAMES[1:])
    meta = f"<meta><task><id>1</id><name>street</name><labels>{labels}</labels></task></meta>"
    for scene in SCENES:
        write_image(root / f"images/{scene}.jpg")
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}{images}</annotations>'
    (root / "annotations.xml").write_text(text)
    return root


def brush(name: str, box: Box) -> dict[str, Any]:
    value = {"format": "rle", "rle": pack(inside(box)), "brushlabels": [name]}
    return {**region(name), "type": "brushlabels", "value": value}


def percent(name: str, box: Box) -> dict[str, Any]:
    points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners(box)]
    return {**region(name), "type": "polygonlabels", "value": {"points": points, "polygonlabels": [name]}}


def region(name: str) -> dict[str, Any]:
    return {
        "id": f"of {name}",
        "from_name": "tag",
        "to_name": "image",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
    }


def label_studio(root: Path) -> Path:
    """The car as a polygon, the dog as a brush label; a third task is not labelled yet."""
    tasks: list[dict[str, Any]] = []
    for number, (scene, boxes) in enumerate(SCENES.items()):
        write_image(root / f"{scene}.jpg")
        result = [(percent if name == "car" else brush)(name, box) for name, box in boxes]
        older = {"id": 1, "result": [], "updated_at": "2024-01-01T00:00:00Z"}
        newer = {"id": 2, "result": result, "updated_at": "2024-02-01T00:00:00Z"}
        data = {"image": f"/data/upload/1/8fcd3b2a-{scene}.jpg"}
        tasks.append({"id": number, "data": data, "annotations": [older, newer], "predictions": []})
    tasks.append({"id": 9, "data": {"image": "/data/upload/1/8fcd3b2a-c.jpg"}, "annotations": []})
    write_json(root / "project-1-at-2024.json", tasks)
    return root


def labelme(root: Path) -> Path:
    """The car as a polygon, the dog as a mask; one image is not labelled."""
    for scene, boxes in SCENES.items():
        write_image(root / f"{scene}.jpg")
        shapes = [labelme_shape(name, box) for name, box in boxes]
        write_json(root / f"{scene}.json", labelme_file(scene, shapes))
    write_image(root / "never.jpg")
    return root


def labelme_file(scene: str, shapes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": f"{scene}.jpg",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }


def labelme_shape(name: str, box: Box) -> dict[str, Any]:
    common: dict[str, Any] = {"label": name, "group_id": None, "description": "", "flags": {}}
    if name == "car":
        return {**common, "points": corners(box), "shape_type": "polygon"}
    left, top, right, bottom = box
    file = io.BytesIO()
    Image.fromarray(np.full((bottom - top, right - left), 255, np.uint8)).save(file, "PNG")
    mask = base64.b64encode(file.getvalue()).decode()
    return {**common, "points": [[left, top], [right - 1, bottom - 1]], "shape_type": "mask", "mask": mask}


def roboflow(root: Path) -> Path:
    for split, scene in (("train", "a"), ("valid", "b"), ("test", "b")):
        write_image(root / f"{split}/{scene}_jpg.rf.77.jpg")
        write_image(root / f"{split}/{scene}_jpg.rf.77_mask.png", label_map(scene))
        (root / f"{split}/_classes.csv").write_text("Pixel Value, Class\n0, background\n1, car\n2, dog\n")
    return root


EXPORTS: Mapping[str, tuple[str, Callable[[Path], Path]]] = {
    "masks": ("masks", masks),
    "CamVid": ("colours", camvid),
    "classes": ("classes", classes),
    "Roboflow, COCO": ("coco", roboflow_coco),
    "Label Studio, COCO": ("coco", label_studio_coco),
    "CVAT, COCO": ("coco", cvat_coco),
    "CVAT, masks": ("cvat", cvat),
    "CVAT, images": ("cvat-images", cvat_images),
    "Label Studio": ("label-studio", label_studio),
    "labelme": ("labelme", labelme),
    "Roboflow": ("roboflow", roboflow),
}
