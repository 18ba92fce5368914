"""Images as the viewer meets them: evaluated, refined by the CRF, segmented, with and without what belongs to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.masks import write_mask
from deeplab.inference.output import mask_path
from deeplab.scores.image_scores import Cell, Certainty, ImageScores, cells_of
from tests.web.measurements import scores
from tests.web.population import Population
from tests.web.scenes import LABELS, draw_mask, paint
from tests.worker.store import submit
from worker.jobs import leases, storage
from worker.jobs.database import open_session
from worker.jobs.records import evaluations
from worker.jobs.results.record import ImageResult, item_key

LABELS_FILE = "0\tground\t#5a8c46\n1\tdisc\t#cd463c\n2\tbar\n"
IDS = ("0", "1", "large", "misfit", "unsaved")
LARGE = (700, 1300)  # pixels: two levels of tiles
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Viewed:
    """Jobs on one dataset, and what they say."""

    root: Path
    evaluated: int  # keeps label maps and confidence
    refined: int  # by the CRF
    segmented: int  # the images of the dataset
    others: int  # a segment job of other classes
    truths: Mapping[str, Labels]
    labels: Mapping[str, Labels]
    refinements: Mapping[str, Labels]
    confidence: Mapping[str, NDArray[np.uint8]]

    def address(self, image_id: str, query: str = "") -> str:
        """The page of an image of the evaluate job."""
        return f"/jobs/{self.evaluated}/results/{item_key(image_id)}{query}"

    def tiles(self, image_id: str, layer: str, job_id: int | None = None) -> str:
        """Where the tiles of a layer begin."""
        return f"/jobs/{job_id or self.evaluated}/tiles/{item_key(image_id)}/{layer}"


def make_viewed(population: Population, name: str = "viewed") -> Viewed:
    """Draw a dataset, and leave what jobs would of it."""
    root = population.root / name
    truths = {"0": draw_mask(0), "1": draw_mask(1), "large": draw_mask(2, *LARGE)}
    truths |= {each: draw_mask(seed) for seed, each in enumerate(("misfit", "unsaved"), start=5)}
    for seed, (image_id, mask) in enumerate(truths.items()):
        path = root / "images" / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(paint(mask, seed)).save(path)
        write_mask(root / "masks" / f"{image_id}.png", ignore_border(mask))
    (root / "val.txt").write_text("\n".join(truths) + "\n")
    (root / "labels.txt").write_text(LABELS_FILE)
    (root / "config.yaml").write_text(
        f"DATASET: {{NAME: folder, ROOT: {root}, LABELS: {root / 'labels.txt'}, N_CLASSES: 3}}\n"
        "MODEL: {NAME: DeepLabV2_ResNet50_MSC, WIDTH: 8}\n"
    )
    labels = {image_id: np.roll(mask, 3, axis=1) for image_id, mask in truths.items()}
    refinements = {image_id: np.roll(mask, 1, axis=1) for image_id, mask in truths.items()}
    confidence = {image_id: np.full(mask.shape, 200 - 50 * mask, np.uint8) for image_id, mask in labels.items()}
    evaluated = _evaluate(population, root, labels, truths, confidence)
    return Viewed(
        root=root,
        evaluated=evaluated,
        refined=_refine(population, evaluated, refinements, truths),
        segmented=_segment(population, root, labels, n_classes=3),
        others=_segment(population, root, labels, n_classes=5),
        truths={image_id: ignore_border(mask) for image_id, mask in truths.items()},
        labels=labels,
        refinements=refinements,
        confidence=confidence,
    )


def ignore_border(mask: Labels) -> Labels:
    """The same with two ignored rows on top."""
    ignored = mask.copy()
    ignored[:2] = 255
    return ignored


def score(image_id: str, labels: Labels, truth: Labels) -> ImageResult:
    """What an evaluation records of an image."""
    counted = ignore_border(truth) != 255
    counts = np.bincount(3 * truth[counted].astype(int) + labels[counted], minlength=9).reshape(3, 3)
    pixels = {index: int(count) for index, count in enumerate(np.bincount(labels.ravel())) if count}
    cells: tuple[Cell, ...] = cells_of(counts)
    height, width = labels.shape
    certainty = Certainty(0.71, dict.fromkeys(pixels, 0.7), 0.4, {})
    return ImageResult.of_scores(ImageScores(image_id, width, height, 0.05, pixels, cells, certainty))


def _evaluate(
    population: Population,
    root: Path,
    labels: Mapping[str, Labels],
    truths: Mapping[str, Labels],
    confidence: Mapping[str, NDArray[np.uint8]],
) -> int:
    job_id = population.submit("evaluate", checkpoint="2", config=str(root / "config.yaml"))
    fence = population.claim(job_id)
    folder = storage.label_maps_dir(population.settings, job_id, fence)
    for image_id, label_map in labels.items():
        if image_id != "unsaved":
            write_mask(folder / f"{image_id}.png", label_map[:, :40] if image_id == "misfit" else label_map)
        path = storage.confidence_dir(population.settings, job_id, fence) / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(confidence[image_id]).save(path)
    _record(population, job_id, fence, [score(each, labels[each], truths[each]) for each in labels])
    population.finish(job_id, fence, result={"mean_iou": 0.5, "logits": str(root)})
    return job_id


def _refine(
    population: Population, evaluated: int, refinements: Mapping[str, Labels], truths: Mapping[str, Labels]
) -> int:
    job_id = population.submit("crf", evaluate_job=evaluated)
    fence = population.claim(job_id)
    for image_id, label_map in refinements.items():
        write_mask(storage.label_maps_dir(population.settings, job_id, fence) / f"{image_id}.png", label_map)
    images = [score(each, refinements[each], truths[each]) for each in refinements]
    _record(population, job_id, fence, images, crf={"ITER_MAX": 10})
    population.finish(job_id, fence, result={"mean_iou": 0.6})
    return job_id


def _record(population: Population, job_id: int, fence: int, images: Sequence[ImageResult], **settings: object) -> None:
    """Leave the results of images, and the scores of all of them."""
    confusion = np.zeros((3, 3), np.int64)
    for cell in chain.from_iterable(each.scores.cells for each in images if each.scores):
        confusion[cell.true, cell.predicted] += cell.pixels
    with leases.fenced(population.settings, job_id, fence) as session:
        population.record(session, job_id, images)
        evaluations.add(
            session,
            job_id,
            checkpoint="2",
            dataset="viewed",
            split="val",
            settings={"inference": {}, **settings},
            scores=scores(confusion.tolist(), LABELS) | {"n_images": len(images)},
            confusion=confusion.tolist(),
        )


def _segment(population: Population, root: Path, labels: Mapping[str, Labels], n_classes: int) -> int:
    overrides = f"DATASET.N_CLASSES={n_classes}"
    request = {"checkpoint": "2", "input": str(root / "images"), "overrides": overrides}
    with open_session(population.settings) as session:  # a model of other classes, as if it had been trained
        job_id = submit(session, population.settings, "segment", **request).id
    fence = population.claim(job_id)
    output = storage.output_dir(population.settings, job_id)
    images = []
    for image_id, label_map in labels.items():
        write_mask(mask_path(output, f"{image_id}.png"), label_map)
        height, width = label_map.shape
        pixels = {index: int((label_map == index).sum()) for index in range(3)}
        images.append(ImageResult(f"{image_id}.png", width, height, "ok", "", 0.1, pixels))
    names = ["ground", "disc", "bar", "tree", "sky"][:n_classes]
    (output / "labels.txt").write_text("".join(f"{index}\t{name}\n" for index, name in enumerate(names)))
    with open_session(population.settings) as session:
        population.record(session, job_id, images)
    population.finish(job_id, fence, result={"output": str(output), "n_ok": len(images), "n_error": 0})
    return job_id
