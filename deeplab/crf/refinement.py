"""Refine the saved logits of a whole split, and score the result."""

from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.config import Config
from deeplab.errors import DatasetError
from deeplab.images.masks import write_mask
from deeplab.logits import require_logits
from deeplab.reporter import Reporter, Stopped

if TYPE_CHECKING:
    from deeplab.metrics import Scores


def refine(
    config: Config,
    logits_dir: Path,
    reporter: Reporter,
    *,
    split: str | None = None,
    jobs: int | None = None,
    device: str = "auto",
    masks_dir: Path | None = None,
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

    Raises:
        DatasetError: if an image, its mask or its logits are missing or damaged.
        CrfError: if the backend of the CRF is not available, or memory is short.
        Stopped: if the reporter asked for it.
    """
    # Imported here, because they import PyTorch, and importing this package must stay cheap.
    from deeplab.crf.labelling import Labeller
    from deeplab.datasets.split import open_split
    from deeplab.metrics import ConfusionMatrix

    dataset = open_split(config, split or config.DATASET.SPLIT.VAL)
    require_logits(dataset.ids, logits_dir)
    labeller = Labeller(config, dataset, logits_dir, jobs=jobs, device=device)
    matrix = ConfusionMatrix(config.DATASET.N_CLASSES)
    reporter.progress(0, len(dataset), "image")
    for done, refined in enumerate(labeller.refine(range(len(dataset)), [config.CRF]), start=1):
        matrix.update(refined.sample.label_map, refined.labels)
        if masks_dir is not None:
            write_mask(masks_dir / f"{refined.sample.id}.png", refined.labels)
        reporter.progress(done, len(dataset), "image")
        if done < len(dataset) and reporter.should_stop():
            raise Stopped(f"Stopped after {done} of {len(dataset)} images.")
    try:
        return matrix.scores()
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the split has a class.") from None
