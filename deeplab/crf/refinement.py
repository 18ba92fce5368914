"""Refine the saved logits of a whole split, and score the result."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deeplab.config import Config
from deeplab.errors import DatasetError
from deeplab.images.grey import write_grey
from deeplab.images.masks import write_mask
from deeplab.logits import require_logits
from deeplab.reporter import Reporter, Stopped

if TYPE_CHECKING:
    from deeplab.crf.labelling import Refined
    from deeplab.scores.image_scores import ImageScores
    from deeplab.scores.metrics import Scores
    from deeplab.scores.observation import Observer, Watch


def refine(
    config: Config,
    logits_dir: Path,
    reporter: Reporter,
    *,
    split: str | None = None,
    jobs: int | None = None,
    device: str = "auto",
    masks_dir: Path | None = None,
    confidence_dir: Path | None = None,
    observe: "Observer | None" = None,
    boundary_iou: bool = False,
) -> "Scores":
    """Refine the logits that `evaluate` saved, and score the result.

    Args:
        config: DATASET and CRF are read.
        logits_dir: one `<id>.npy` per image, (C, h, w) of any float type.
        reporter: hears of each image.
        split: name of the split; None: DATASET.SPLIT.VAL.
        jobs: images at a time on the CPU; None: as many as cores and memory allow.
        device: where the CRF runs, as for `build_crf`.
        masks_dir: where to write the refined label maps as `<id>.png`; None: nowhere.
        confidence_dir: where to write the top probability of each pixel, grey from 0 to 255 in `<id>.png`; None:
            nowhere.
        observe: hears of each image in the order of the split. The scores then have those of the images, too.
        boundary_iou: also compare the boundaries of the classes (see `deeplab.scores.boundaries`).

    Raises:
        DatasetError: if an image, its mask or its logits are missing or damaged.
        CrfError: if the backend of the CRF is not available, or memory is short.
        Stopped: if the reporter asked for it.
    """
    # Imported here, because they import PyTorch, and importing this package must stay cheap.
    from deeplab.crf.labelling import Labeller
    from deeplab.datasets.split import open_split
    from deeplab.scores.metrics import ConfusionMatrix
    from deeplab.scores.observation import ImageTally, watch_of

    dataset = open_split(config, split or config.DATASET.SPLIT.VAL)
    require_logits(dataset.ids, logits_dir)
    options = {"certainty": observe is not None, "keeps_map": confidence_dir is not None}
    labeller = Labeller(config, dataset, logits_dir, jobs=jobs, device=device, **options)
    matrix, tally = ConfusionMatrix(config.DATASET.N_CLASSES), ImageTally(config.DATASET.N_CLASSES, observe)
    watch = watch_of(observe, boundary_iou=boundary_iou)
    reporter.progress(0, len(dataset), "image")
    for done, refined in enumerate(labeller.refine(range(len(dataset)), [config.CRF]), start=1):
        counts = matrix.update(refined.sample.label_map, refined.labels)
        _save_maps(refined, masks_dir, confidence_dir)
        if watch is not None:
            tally.hear(_scores_of(refined, counts.numpy(), watch))
        reporter.progress(done, len(dataset), "image")
        if done < len(dataset) and reporter.should_stop():
            raise Stopped(f"Stopped after {done} of {len(dataset)} images.")
    try:
        return tally.add_to(matrix.scores())
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the split has a class.") from None


def _save_maps(refined: "Refined", masks_dir: Path | None, confidence_dir: Path | None) -> None:
    if masks_dir is not None:
        write_mask(masks_dir / f"{refined.sample.id}.png", refined.labels)
    if confidence_dir is not None and refined.certainty is not None:
        write_grey(confidence_dir / f"{refined.sample.id}.png", refined.certainty.confidence().numpy())


def _scores_of(refined: "Refined", counts: NDArray[np.int64], watch: "Watch") -> "ImageScores":
    from deeplab.scores.observation import image_scores

    return image_scores(
        refined.sample.id,
        refined.sample.label_map,
        counts,
        seconds=refined.seconds,
        sums=refined.certainty.sums().numpy() if refined.certainty is not None and watch.certainty else None,
        predicted=refined.labels if watch.boundaries else None,
    )
