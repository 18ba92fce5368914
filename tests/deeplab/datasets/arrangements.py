"""Pairs of JPEG images and index masks, arranged as each public dataset arranges its own."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as run_lengths
from scipy.io import savemat

from deeplab.images.masks import read_mask

LAYOUTS = ("voc", "vocaug", "cocostuff10k", "cocostuff164k", "coco")

_SPLITS = {
    "voc": ("train", "val"),
    "vocaug": ("train_aug", "val"),
    "cocostuff10k": ("train", "test"),
    "cocostuff164k": ("train2017", "val2017"),
    "coco": ("train2017", "val2017"),
}


@dataclass(frozen=True)
class Source:
    """A pair to arrange."""

    id: str
    image: Path  # JPEG
    mask: Path  # PNG; 255 is no class


def draw_sources(folder: Path, *, n: int, n_classes: int, seed: int = 0) -> list[Source]:
    """Random pairs of different sizes; the labels are blocks of classes and 255."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for number in range(n):
        height, width = (int(side) for side in rng.integers(3, 7, 2) * 8)
        blocks = rng.integers(-1, n_classes, (height // 8, width // 8)) % 256
        source = Source(f"{seed}_{number:03}", folder / f"{number:03}.jpg", folder / f"{number:03}.png")
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(source.image, quality=95)
        Image.fromarray(np.kron(blocks, np.ones((8, 8))).astype(np.uint8)).save(source.mask)
        sources.append(source)
    return sources


def arrange(layout: str, root: Path, train: Sequence[Source], val: Sequence[Source]) -> dict[str, Any]:
    """Lay pairs out under a folder.

    Returns:
        NAME, ROOT and SPLIT of the DATASET section.
    """
    names = _SPLITS[layout]
    for split, sources in zip(names, (train, val), strict=True):
        _ARRANGE[layout](root, split, sources)
    return {"NAME": layout, "ROOT": str(root), "SPLIT": dict(zip(("TRAIN", "VAL"), names, strict=True))}


def _voc(root: Path, split: str, sources: Sequence[Source]) -> None:
    base = root / "VOC2012"
    for source in sources:
        _copy(source.image, base / f"JPEGImages/{source.id}.jpg")
        _copy(source.mask, base / f"SegmentationClass/{source.id}.png")
    _write(base / f"ImageSets/Segmentation/{split}.txt", "".join(f"{source.id}\n" for source in sources))


def _vocaug(root: Path, split: str, sources: Sequence[Source]) -> None:
    base = root / "VOC2012"
    lines = []
    for source in sources:
        _copy(source.image, base / f"JPEGImages/{source.id}.jpg")
        _copy(source.mask, base / f"SegmentationClassAug/{source.id}.png")
        lines.append(f"/JPEGImages/{source.id}.jpg /SegmentationClassAug/{source.id}.png\n")
    _write(base / f"ImageSets/SegmentationAug/{split}.txt", "".join(lines))


def _cocostuff10k(root: Path, split: str, sources: Sequence[Source]) -> None:
    for source in sources:
        _copy(source.image, root / f"images/{source.id}.jpg")
        (root / "annotations").mkdir(exist_ok=True)
        shifted = read_mask(source.mask) + np.uint8(1)  # 255 becomes 0, which is unlabelled
        savemat(root / f"annotations/{source.id}.mat", {"S": shifted, "captions": "a street"})
    _write(root / f"imageLists/{split}.txt", "".join(f"{source.id}\n" for source in sources))


def _cocostuff164k(root: Path, split: str, sources: Sequence[Source]) -> None:
    for source in sources:
        _copy(source.image, root / f"images/{split}/{source.id}.jpg")
        _copy(source.mask, root / f"annotations/{split}/{source.id}.png")


def _coco(root: Path, split: str, sources: Sequence[Source]) -> None:
    """Every class but 0, the background, becomes one object; so does not 255."""
    content: Mapping[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "categories": []}
    classes: set[int] = set()
    for number, source in enumerate(sources):
        _copy(source.image, root / f"images/{split}/{source.id}.jpg")
        label = read_mask(source.mask)
        size = {"height": label.shape[0], "width": label.shape[1]}
        content["images"].append({"id": number, "file_name": f"{source.id}.jpg", **size})
        for value in sorted(set(label.ravel().tolist()) - {0, 255}):
            runs = run_lengths.encode(np.asfortranarray(label == value))
            segmentation = {"size": list(label.shape), "counts": runs["counts"].decode()}
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": number,
                    "category_id": value,
                    "iscrowd": 1,
                    "segmentation": segmentation,
                }
            )
            classes.add(value)
    content["categories"].extend({"id": value, "name": f"class {value}"} for value in sorted(classes))
    _write(root / f"annotations/instances_{split}.json", json.dumps(content))


_ARRANGE = {
    "voc": _voc,
    "vocaug": _vocaug,
    "cocostuff10k": _cocostuff10k,
    "cocostuff164k": _cocostuff164k,
    "coco": _coco,
}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
